"""What a reference simulation is asked for, checked on construction."""

import math
from dataclasses import dataclass

from pacbed.errors import OutOfRangeError


@dataclass(frozen=True)
class ReferenceOptions:
    """Conditions of a frozen-phonon multislice simulation.

    Attributes
    ----------
    high_tension_kV : float
        Accelerating voltage in kV.
    convergence_mrad : float
        Convergence semi-angle in mrad; the aperture has a hard edge.
    thicknesses_nm : tuple of float
        Thicknesses in nm, all taken from one run through the thickest. Each is
        rounded to a whole number of layers of atoms.
    tilt_x_mrad, tilt_y_mrad : float
        Position of the zone axis in the pattern, seen from the centre of the
        bright-field disk, in mrad: x to the right (column), y downwards (row).
    configurations : int
        Frozen-phonon configurations that are averaged. 0 leaves every atom at rest
        at its site with its bare potential: no Debye–Waller factor, no thermal
        diffuse scattering. That is what an elastic table with B = 0 describes.
    slice_thickness_A : float
        Slices are layers of atoms; those of one layer lie at most half of this apart, in Å.
    sampling_A : float
        Largest pixel of the wave function in Å. Displaced atoms: waves keep spatial frequencies up
        to 0.41 / sampling, and what is scattered beyond is lost. Atoms at rest: 1 / (3 sampling).
    probe_step : float or None
        Step of the scan as a share of each primitive vector of the projected cell.
        None takes the coarsest grid for which the average over positions cancels
        the interference of overlapping disks exactly.
    max_angle_mrad : float
        The patterns reach from the middle this far in every direction, in mrad.
    seed : int
        Seed of displacements, random occupation and choice of cells for the scan.
    resolution_mrad : float
        Largest angle between neighbouring points of the patterns in mrad. It sets
        the width of the supercell, λ / resolution. Where that is oblique, patterns are brought to
        square pixels of this size.
    deal_positions : bool
        Whether the probe positions of one scan are dealt out to the configurations,
        instead of each configuration being scanned in full. It costs less by the
        number of configurations; the patterns keep more of the noise of the phonons.
    device : str
        ``cpu`` is NumPy and SciPy; anything else is a device of PyTorch, such as ``cuda``.

    Raises
    ------
    OutOfRangeError
        If a value is impossible.
    """

    high_tension_kV: float
    convergence_mrad: float
    thicknesses_nm: tuple[float, ...]
    tilt_x_mrad: float = 0.0
    tilt_y_mrad: float = 0.0
    configurations: int = 8
    slice_thickness_A: float = 2.0
    sampling_A: float = 0.1
    probe_step: float | None = None
    max_angle_mrad: float = 50.0
    seed: int = 0
    resolution_mrad: float = 0.5
    deal_positions: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        _within("high_tension_kV", self.high_tension_kV, 10, 2000)
        _within("convergence_mrad", self.convergence_mrad, 0.1, 200)
        if not self.thicknesses_nm:
            raise OutOfRangeError("thicknesses_nm is empty; give at least one thickness in nm")
        for thickness in self.thicknesses_nm:
            _within("thicknesses_nm", thickness, 0.05, 1000)
        _within("tilt_x_mrad", self.tilt_x_mrad, -100, 100)
        _within("tilt_y_mrad", self.tilt_y_mrad, -100, 100)
        _within("configurations", self.configurations, 0, 10_000)
        _within("slice_thickness_A", self.slice_thickness_A, 0.2, 10)
        _within("sampling_A", self.sampling_A, 0.01, 0.5)
        if self.probe_step is not None:
            _within("probe_step", self.probe_step, 1e-3, 1)
        _within("max_angle_mrad", self.max_angle_mrad, 1, 500)
        _within("resolution_mrad", self.resolution_mrad, 0.02, 10)
        if self.seed < 0:
            raise OutOfRangeError(f"seed is {self.seed}; give a whole number from 0 up")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise OutOfRangeError(f"{name} is {value}; give a value from {low} to {high}")
