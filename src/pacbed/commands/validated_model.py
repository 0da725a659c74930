"""Finding the model to validate: a folder, or an installed system."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.errors import BundleError

if TYPE_CHECKING:
    from pacbed.library.bundle import DESCRIPTION
    from pacbed.library.places import open_model
    from pacbed.library.register import load_bundle

    folder = Path(given)
    if (folder / DESCRIPTION).is_file():
        return open_model(folder)
    if folder.is_dir():
        raise BundleError(f"{folder}: has no {DESCRIPTION}: give the folder of a model.")
    return load_bundle(given, data)
