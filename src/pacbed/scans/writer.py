"""Writing a scan row by row: the whole is never in memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pacbed.scans.signal_file import EMPTY_SIGNAL, made_beside, write_signal


def write_npy_rows(
    path: Path, shape: tuple[int, int, int, int], dtype: np.dtype, rows: Iterable[np.ndarray]
) -> None:
    """Write scan rows into a ``.npy`` file, whole or not at all.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Scan rows, scan columns, detector rows, detector columns.
    dtype : dtype
    rows : iterable of ndarray
        One for each scan row.

    Raises
    ------
    FileFormatError
        If the file cannot be written, for example because the disk is full.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with made_beside(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows:
            file.write(np.ascontiguousarray(row, dtype).data)


def write_hspy(
    path: Path,
    counts: np.ndarray,
    step_nm: float,
    mrad_per_pixel: float,
    high_tension_kV: float,
    convergence_mrad: float,
) -> None:
    """Write a scan for HyperSpy, with calibrated axes and the microscope's settings.

    Parameters
    ----------
    path : Path
    counts : ndarray, shape (scan rows, scan columns, detector rows, detector columns)
    step_nm, mrad_per_pixel, high_tension_kV, convergence_mrad : float

    Raises
    ------
    FileFormatError
        If the file cannot be written.
    """
    axes = [
        {"name": name, "size": size, "offset": 0.0, "scale": scale, "units": unit,
         "navigate": navigate, "index_in_array": index}
        for index, (name, size, scale, unit, navigate) in enumerate(
            zip(
                ("y", "x", "ky", "kx"),
                counts.shape,
                (step_nm, step_nm, mrad_per_pixel, mrad_per_pixel),
                ("nm", "nm", "mrad", "mrad"),
                (True, True, False, False),
                strict=True,
            )
        )
    ]  # fmt: skip
    instrument = {"beam_energy": high_tension_kV, "convergence_angle": convergence_mrad}
    signal = {
        "data": counts,
        "axes": axes,
        "metadata": {
            "General": {"title": path.stem},
            "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": instrument},
        },
        **EMPTY_SIGNAL,
    }
    write_signal(path, signal)
