"""One pattern of an HDF5 file: NeXus, Dectris masters, py4DSTEM, MATLAB, or any other."""

from pathlib import Path

from pacbed.errors import PacbedError
from pacbed.readers.checks import Frame, count_frames, not_readable, reason, take_frame
from pacbed.readers.hdf5_content import Hdf5Content, choose_array, read_content
from pacbed.readers.measurement import Measurement, Metadata
from pacbed.readers.metadata import read_metadata
from pacbed.readers.pixel_mask import read_pixel_mask


def read_hdf5(
    path: Path, frame: Frame, dataset: str | None = None, alone: bool = False
) -> Measurement:
    """Read one frame, or the sum of all, of an array in an HDF5 file.

    Parameters
    ----------
    path : Path
        An existing file.
    frame : int, "sum" or None
        Number of the frame along the leading axes.
    dataset : str or None
        Name of the array; by default the largest.
    alone : bool
        Refuse a file that has others read; see :mod:`pacbed.links`.

    Returns
    -------
    Measurement

    Raises
    ------
    FileFormatError
        If the file is damaged, no HDF5, or leads too far.
    PatternError
        If it holds no pattern, or several and none is chosen.
    """
    content = read_content(path, alone)
    name, array = choose_array(content, dataset, 2, "holds no array that can be a pattern.")
    try:
        data = take_frame(array, path, frame)
    except PacbedError:
        raise
    except Exception as error:  # h5py raises many classes on damaged files
        raise not_readable(path, reason(error)) from error
    return Measurement(
        data,
        path,
        metadata_of(content, name),
        count_frames(array.shape),
        read_pixel_mask(path, (data.shape[0], data.shape[1]), alone=alone),
    )


def metadata_of(content: Hdf5Content, name: str) -> Metadata:
    """What an HDF5 file says about the recording of one of its arrays."""
    return read_metadata(
        {"axes": content.axes.get(name, []), "metadata": {}, "original_metadata": content.tags}
    )
