"""The kernel for accelerators: multislice of one projected unit cell.

Plane waves with a Bloch-periodic boundary: the incident direction enters only
through the propagator, so one cell and all directions of a batch go through one
FFT. Runs on any torch device in single precision; :mod:`pacbed.lacbed.build` imports this
module only where a device is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pacbed.arrays import Indices, Vectors
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.scattering import potential_coefficients
from pacbed.lacbed.intensities import Intensities
from pacbed.lacbed.options import TableOptions
from pacbed.units import electron_wavelength


@dataclass(frozen=True)
class MultisliceOptions:
    """How finely the wave is sampled.

    Attributes
    ----------
    slice_thickness : float
        Largest thickness of a slice, Å; thickness steps are divided evenly.
    g_max : float
        Largest spatial frequency of the grid, 1/Å.
    absorption : float
        Factor on thermal diffuse absorption; 0 leaves it out.
    batch : int
        Incident directions propagated at once.
    device : str
        A torch device such as ``cpu`` or ``cuda``.
    """

    slice_thickness: float = 1.7
    g_max: float = 4.5
    absorption: float = 1.0
    batch: int = 128
    device: str = "cpu"


def options_of(options: TableOptions, absorption: float) -> MultisliceOptions:
    """The part of a table's options that the multislice needs."""
    return MultisliceOptions(
        options.slice_angstrom, options.g_max, absorption, device=options.device
    )


def grid_shape(cell: ProjectedCell, g_max: float) -> tuple[int, int]:
    """Grid that holds |g| ≤ `g_max` (1/Å) along both lattice vectors, FFT-friendly."""
    needed = 2 * np.ceil(g_max * np.linalg.norm(cell.cell, axis=1)).astype(int) + 1
    return _fast_size(int(needed[0])), _fast_size(int(needed[1]))


def _fast_size(n: int) -> int:
    sizes: list[int] = sorted(
        2**a * 3**b * 5**c for a in range(9) for b in range(4) for c in range(3)
    )
    return next(size for size in sizes if size >= n and size % 2 == 0)


@dataclass(frozen=True)
class Propagation:
    """What every batch of directions needs; may be sent to other processes.

    Attributes
    ----------
    g : ndarray, shape (n, m, 2)
        Spatial frequencies of the grid, 1/Å.
    transmission : ndarray of complex64, shape (n, m)
        Of one slice.
    wavelength_dz : float
        Wavelength times slice thickness, Å².
    slices : int
        Slices in one step.
    steps : int
    options : MultisliceOptions
    """

    g: Vectors
    transmission: NDArray[np.complex64]
    wavelength_dz: float
    slices: int
    steps: int
    options: MultisliceOptions

    def __call__(
        self, directions: Vectors, beams: Indices, tick: Callable[[], None] | None = None
    ) -> Intensities:
        """Intensities of a batch.

        Parameters
        ----------
        directions : ndarray, shape (K, 2)
            Transverse wave vectors k of the incident waves, 1/Å.
        beams : ndarray of int, shape (R, 2)
            Beams to record; must fit the grid.
        tick : callable, optional
            Called after every step; may raise.

        Returns
        -------
        Intensities
            At t = 0, step, 2 step, …
        """
        device = torch.device(self.options.device)
        transmission = torch.as_tensor(self.transmission, device=device)
        rows, columns = self.transmission.shape
        places = (beams[:, 0] % rows) * columns + beams[:, 1] % columns
        flat = torch.as_tensor(places, device=device)
        k_dot_g = np.einsum("kc,ijc->kij", directions, self.g)
        angle = torch.as_tensor(
            -np.pi * self.wavelength_dz * (2 * k_dot_g + (self.g**2).sum(-1)), device=device
        )
        propagator = torch.polar(torch.ones_like(angle), angle).to(torch.complex64)
        wave = torch.zeros(angle.shape, dtype=torch.complex64, device=device)
        wave[:, 0, 0] = 1.0
        out = torch.zeros((self.steps + 1, len(angle), len(flat)), device=device)
        lost = torch.zeros((self.steps + 1, len(angle)), device=device)
        out[0] = wave.flatten(1)[:, flat].abs().square()
        for step in range(1, self.steps + 1):
            for inner in range(self.slices):
                if step > 1 or inner > 0:
                    wave *= propagator
                wave = torch.fft.fft2(torch.fft.ifft2(wave).mul_(transmission))
            taken = wave.flatten(1)[:, flat]
            out[step] = taken.real.square() + taken.imag.square()
            lost[step] = 1 - wave.abs().square().sum(dim=(1, 2))
            if tick is not None:
                tick()
        return Intensities(out.transpose(1, 2).contiguous().cpu().numpy(), lost.cpu().numpy())


def prepare(
    cell: ProjectedCell,
    high_tension_kV: float,
    thickness_step: float,
    steps: int,
    options: MultisliceOptions,
) -> Propagation:
    """Make ready what all batches share.

    Each slice multiplies by exp(iπλΔz (U + iU')(r)) and propagates with
    exp(−iπλΔz (2 k·g + g²)). Intensities are taken after a transmission, which
    makes the splitting symmetric (second order) at no cost: half a propagator
    at either end changes phases only.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    thickness_step : float
        Å between recorded thicknesses.
    steps : int
        Number T of recorded thicknesses after the zeroth.
    options : MultisliceOptions
    """
    shape = grid_shape(cell, options.g_max)
    slices = max(1, int(np.ceil(thickness_step / options.slice_thickness - 1e-9)))
    wavelength_dz = electron_wavelength(high_tension_kV) * (thickness_step / slices)
    indices = np.stack(
        np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij"), axis=-1
    ).astype(int)
    return Propagation(
        g=indices @ cell.reciprocal,
        transmission=_transmission(
            cell, indices, high_tension_kV, wavelength_dz, options.absorption
        ),
        wavelength_dz=wavelength_dz,
        slices=slices,
        steps=steps,
        options=options,
    )


def _transmission(
    cell: ProjectedCell,
    indices: Indices,
    high_tension_kV: float,
    wavelength_dz: float,
    absorption: float,
) -> NDArray[np.complex64]:
    coefficients = potential_coefficients(cell, indices, high_tension_kV)
    # A grid of even size has no partner for its highest frequency: leave it out, so
    # that the elastic potential stays real.
    for axis, n in enumerate(indices.shape[:2]):
        coefficients[np.abs(indices[..., axis]) == n // 2] = 0
    potential = np.fft.ifft2(coefficients) * coefficients.size
    if absorption != 1:
        potential = potential.real + 1j * absorption * potential.imag
    return np.exp(1j * np.pi * wavelength_dz * potential).astype(np.complex64)
