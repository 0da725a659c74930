"""Where models of the earlier system lie in a data folder."""

import contextlib
import os
from pathlib import Path

from pacbed.earlier.folder import PATTERN_TABLE, EarlierFolder, is_earlier_model, load_earlier
from pacbed.library.models.contained import contained
from pacbed.library.models.model_files import DESCRIPTION
from pacbed.library.places import (
    SOURCES,
    Fault,
    ModelPlace,
    RegisteredSystem,
    registered_systems,
)
from pacbed.library.register.rows import MODELS

#: A model of the earlier system has some ten files.
_MOST_FILES = 1000


def earlier_folders(data: Path) -> tuple[list[EarlierFolder], list[Fault]]:
    """Models of the earlier system in the order of search, and what cannot be read."""
    systems, faults = registered_systems(data)
    return [folder for system in systems for folder in _folders_of(system)], faults


def _folders_of(system: RegisteredSystem) -> list[EarlierFolder]:
    folders, models = list(system.models), system.home / "models"
    if not folders and models.is_dir():
        # The table of models may be missing: what is there counts.
        folders = [folder for folder in sorted(models.iterdir()) if is_earlier_model(folder)]
    return [
        EarlierFolder(system.home, folder, system.row)
        for folder in reversed(folders)
        if not (folder / DESCRIPTION).is_file()
    ]


def _earlier_place(place: EarlierFolder) -> ModelPlace:
    home, folder, row = place.home, place.folder, place.row
    files: list[str] = []
    with contextlib.suppress(OSError):  # which is told when it is loaded
        files = sorted(entry.path for entry in os.scandir(folder))[:_MOST_FILES]
    watched = (folder, home / PATTERN_TABLE, home / "models" / MODELS, *map(Path, files))
    return ModelPlace(
        folder, lambda: contained(folder, lambda: load_earlier(place)), row.id, watched, row
    )


SOURCES.append(lambda system: [_earlier_place(folder) for folder in _folders_of(system)])
