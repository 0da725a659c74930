"""Finding the model to validate: a folder, or an installed system."""

import json
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
        If the folder holds no bundle.
    UnknownSystemError
        If it is no folder and no system.
    """
    from pacbed.library.bundle import DESCRIPTION, Bundle
    from pacbed.library.label_bundle import KIND, LabelBundle
    from pacbed.library.register import load_bundle

    folder = Path(given)
    if not (folder / DESCRIPTION).is_file():
        if folder.is_dir():
            raise BundleError(f"{folder}: has no {DESCRIPTION}: give the folder of a model.")
        found = load_bundle(given, data)
        folder = found.folder
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / DESCRIPTION}: cannot be read ({error}).") from error
    kind = content.get("kind") if isinstance(content, dict) else None
    return LabelBundle.load(folder) if kind == KIND else Bundle.load(folder)
