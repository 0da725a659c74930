"""Sampling and compression of a table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TableOptions:
    """Sampling and compression of a table.

    Attributes
    ----------
    direction_step_mrad : float
        Spacing of incident directions, rounded so that it divides the lattice.
    thickness_step_nm : float
    slice_angstrom : float
        Largest slice of the multislice.
    g_max : float
        Largest spatial frequency of the multislice grid, 1/Å.
    field : float
        Radius of the recorded field in convergence semi-angles.
    quantum : float
        Step of the stored coefficients; 0 keeps float32 accuracy in memory.
    device : str
        torch device.
    """

    direction_step_mrad: float = 0.5
    thickness_step_nm: float = 0.5
    slice_angstrom: float = 1.67
    g_max: float = 4.5
    field: float = 1.75
    quantum: float = 2e-3
    device: str = "cpu"
