"""Finding the model to validate: a folder, or an installed system."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.errors import BundleError

if TYPE_CHECKING:
    from pacbed.library.bundle import Bundle
    from pacbed.library.label_bundle import LabelBundle


def find_model(given: str, data: Path | None) -> "Bundle | LabelBundle":
    """Load the bundle in a folder, or that of a system by ID or name.

    Raises
    ------
    BundleError
        If the folder holds no bundle, or one whose training is not known.
    UnknownSystemError
        If it is no folder and no system.
    """
    from pacbed.library.bundle import DESCRIPTION
    from pacbed.library.earlier_folder import EARLIER
    from pacbed.library.places import kind_of, open_model
    from pacbed.library.register import load_bundle

    folder = Path(given)
    if folder.is_dir() and not (folder / DESCRIPTION).is_file():
        raise BundleError(f"{folder}: has no {DESCRIPTION}: give the folder of a model.")
    model = open_model(folder) if folder.is_dir() else load_bundle(given, data)
    if kind_of(model) == EARLIER:
        raise BundleError(
            f"{model.folder}: is a model of the earlier system, which does not say what its "
            "training held back: pacbed evaluate compares it with patterns of yours."
        )
    return model
