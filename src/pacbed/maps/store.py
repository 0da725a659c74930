"""The work folder of a map: what is done is kept, and gone on with after a stop.

Holds the settings, the geometry and one small file for each row of windows, beside the
output. A folder of other settings or of another scan is not used.
"""

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.maps.layers import Layers, is_complete
from pacbed.maps.output import geometry_from_dict


class WorkFolder:
    """Keeps rows of windows; see :class:`pacbed.maps.mapping.Store`.

    Parameters
    ----------
    folder : Path
        Is made if it is missing.
    identity : dict
        Scan and settings, as plain values: rows are used again for the same ones alone.
    resume : bool
        Go on with what is there; else begin anew.

    Attributes
    ----------
    folder : Path

    Raises
    ------
    FileFormatError
        If there is something to resume and it belongs to another map, or the folder cannot
        be written.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], resume: bool) -> None:
        self.folder = folder
        text = json.dumps(identity, sort_keys=True)
        settings = folder / "settings.json"
        if resume and settings.is_file():
            if settings.read_text(encoding="utf-8") != text:
                raise FileFormatError(
                    f"{folder}: holds a map of another scan or of other settings: give the same "
                    "as before, or leave out --resume to begin anew."
                )
            return
        if folder.exists():
            shutil.rmtree(folder)
        try:
            folder.mkdir()
        except OSError as error:
            raise FileFormatError(
                f"{folder}: cannot be made ({error.strerror}); choose a writable folder"
            ) from error
        write_atomically(settings, text.encode())

    def geometry(self) -> SharedGeometry | None:
        """The geometry that was found before."""
        path = self.folder / "geometry.json"
        if not path.is_file():
            return None
        return geometry_from_dict(json.loads(path.read_text(encoding="utf-8")))

    def keep_geometry(self, geometry: SharedGeometry) -> None:
        """Keep the geometry."""
        content = json.dumps(dataclasses.asdict(geometry))
        write_atomically(self.folder / "geometry.json", content.encode())

    def rows(self) -> dict[int, Layers]:
        """The rows of windows that were done before; damaged ones are left out."""
        found = {}
        for path in sorted(self.folder.glob("row-*.npz")):
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    layers = {name: arrays[name] for name in arrays.files}
                if is_complete(layers):
                    found[int(path.stem.removeprefix("row-"))] = layers
            except (OSError, ValueError, EOFError):
                continue
        return found

    def keep_row(self, row: int, layers: Layers) -> None:
        """Keep a row of windows."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **layers)
        write_atomically(self.folder / f"row-{row:06d}.npz", buffer.getvalue(), durable=False)

    def remove(self) -> None:
        """Remove the folder: the map is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
