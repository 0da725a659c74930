"""The patterns of a reference simulation and their file."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically

_FORMAT = "pacbed-reference-1"


@dataclass(frozen=True)
class ReferencePatterns:
    """Position-averaged patterns of one simulation.

    Attributes
    ----------
    patterns : ndarray of float32, shape (n_thickness, ny, nx)
        Intensity per pixel as a share of the incident beam. The centre of the
        bright-field disk is the middle pixel (ny // 2, nx // 2).
    thicknesses_nm : ndarray, shape (n_thickness,)
        Thickness of each pattern as it was simulated, nm.
    mrad_per_pixel : tuple of float
        Angle between pixels along y (rows) and x (columns), mrad.
    provenance : dict
        Options, structure sizes and versions that the simulation used.
    """

    patterns: np.ndarray
    thicknesses_nm: np.ndarray
    mrad_per_pixel: tuple[float, float]
    provenance: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file without pickles; all of it or nothing.

        Parameters
        ----------
        path : Path
            File to write; an existing one is replaced.

        Raises
        ------
        FileFormatError
            If the folder is missing or cannot be written.
        """
        content = io.BytesIO()
        np.savez_compressed(
            content,
            format=np.array(_FORMAT),
            patterns=self.patterns,
            thicknesses_nm=self.thicknesses_nm,
            mrad_per_pixel=np.array(self.mrad_per_pixel),
            provenance=np.array(json.dumps(self.provenance, sort_keys=True)),
        )
        write_atomically(Path(path), content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "ReferencePatterns":
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged or of another kind.
        """
        try:
            # np.load given a path leaves a damaged archive open.
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if str(archive["format"]) != _FORMAT:
                    raise FileFormatError(
                        f"{path}: written by another version; simulate the reference again"
                    )
                y, x = (float(value) for value in archive["mrad_per_pixel"])
                return cls(
                    patterns=archive["patterns"],
                    thicknesses_nm=archive["thicknesses_nm"],
                    mrad_per_pixel=(y, x),
                    provenance=json.loads(str(archive["provenance"])),
                )
        except FileNotFoundError as error:
            raise FileFormatError(f"{path}: does not exist; give a reference .npz") from error
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise FileFormatError(
                f"{path}: is not a reference file or is damaged; simulate the reference again"
            ) from error
