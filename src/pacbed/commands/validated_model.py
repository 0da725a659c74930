"""Finding the model to validate: a folder, or an installed system."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.errors import BundleError

if TYPE_CHECKING:
    from pacbed.library.kinds import Model


def validated_model(given: str, data: Path | None) -> "Model":
    """Load the bundle in a folder, or that of a system by ID or name.

    Raises
    ------
    BundleError
        If the folder holds no bundle.
    UnknownSystemError
        If it is no folder and no system.
    """
    from pacbed.library.model_files import DESCRIPTION
    from pacbed.library.places import open_model
    from pacbed.library.register import load_bundle

    folder = Path(given)
    if folder.is_dir() and not (folder / DESCRIPTION).is_file():
        raise BundleError(f"{folder}: has no {DESCRIPTION}: give the folder of a model.")
    return open_model(folder) if folder.is_dir() else load_bundle(given, data)
