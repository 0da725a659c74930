"""From a file to one pattern: every format that the project reads.

RosettaSciIO reads the microscope formats, NumPy the arrays, Pillow the
pictures; whatever they raise becomes a one-line error of :mod:`pacbed.errors`.

Private: may change at any time; what is public stands in docs/api.md.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pacbed.errors import FileFormatError
from pacbed.readers.checks import Frame
from pacbed.readers.formats import (
    EXTENSIONS,
    FOLDERS,
    HDF5,
    PICTURES,
    RAW,
    ROSETTASCIIO_MODULES,
    ZARR,
)
from pacbed.readers.measurement import Measurement, Metadata

__all__ = ["EXTENSIONS", "Frame", "Measurement", "Metadata", "read_pattern"]


def read_pattern(
    path: Path, frame: Frame = None, *, dataset: str | None = None, alone: bool = False
) -> Measurement:
    """Read one pattern from a file.

    Parameters
    ----------
    path : Path
        File in one of the formats of ``EXTENSIONS``, told by its extension.
    frame : int, "sum" or None
        Number of the frame, from 0, where the file holds a stack or a scan; it
        counts along the leading axes, the last of them fastest. ``"sum"`` adds all.
    dataset : str, optional
        Name of the array or signal where the file holds several (HDF5, emd, zarr, hspy).
    alone : bool
        Refuse a file that has others read, as for one that somebody sent. Else such links
        may lead to the file's own folder and below.

    Returns
    -------
    Measurement
        The pattern as float32 array [row, column], in the intensity unit of the
        file, and what the file says about the recording.

    Raises
    ------
    FileFormatError
        If the file is missing, a folder, damaged, of an unknown format, or leads to files
        that it may not lead to.
    PatternError
        If its content cannot be a pattern: one dimension, several frames and none
        chosen, complex, coloured, a spectrum, empty, or larger than 8192 x 8192 pixels.
    MissingExtraError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> import pacbed
    >>> pacbed.read_pattern(Path("examples/sto-001-300kV_42nm.npy")).data.shape
    (256, 256)
    """
    path = Path(path)
    return _reader(path, dataset, alone)(path, frame)


def _reader(path: Path, dataset: str | None, alone: bool) -> Callable[[Path, Frame], Measurement]:
    # The libraries behind the formats are slow to import: only the one needed is.
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileFormatError(f"{path}: there is no such file: check the name and the folder.")
    if path.is_dir() and suffix not in FOLDERS:
        raise FileFormatError(f"{path}: this is a folder: give the file of one pattern.")
    if suffix == ".npy":
        from pacbed.readers.arrays import read_npy

        return read_npy
    if suffix in PICTURES:
        from pacbed.readers.images import read_image

        return read_image
    if suffix in ROSETTASCIIO_MODULES:
        from pacbed.readers.microscope import read_microscope_file

        return partial(read_microscope_file, dataset=dataset, alone=alone)
    if suffix in RAW:
        from pacbed.readers.empad_raw import read_empad_raw

        return read_empad_raw
    if suffix in HDF5:
        from pacbed.readers.hdf5 import read_hdf5

        return partial(read_hdf5, dataset=dataset, alone=alone)
    if suffix in ZARR:
        from pacbed.readers.zarr_store import read_zarr

        return partial(read_zarr, dataset=dataset)
    raise FileFormatError(
        f"{path}: unknown format {path.suffix or '(no extension)'}: "
        f"give one of {', '.join(EXTENSIONS)}."
    )
