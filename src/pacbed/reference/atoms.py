"""What single atoms do to a wave: phase within the grid's frequencies, and loss beyond them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from pacbed.arrays import Complexes, Indices, Numbers, Singles, Vectors
from pacbed.crystal.form_factor import scattering_factor
from pacbed.reference.grid import Grid
from pacbed.units import electron_wavelength, relativistic_factor

#: An atom's own grid: largest frequency and step, 1/Å. Beyond half of the largest an atom
#: scatters a ten thousandth.
_LARGEST, _STEP = 32.0, 0.08


@dataclass(frozen=True)
class Atoms:
    """The elements of a crystal on a grid.

    A layer multiplies a wave with exp(iφ − a). The phase is φ = λπ ∫U dz with
    U_g = γ/(πΩ) Σ_j f_j(g) exp(−2πi g·r_j). What an atom scatters to frequencies that the grid
    does not hold is missing in the beams that it holds: *a* (see :func:`beyond`). Both
    are real, so that half of the frequencies are enough.

    Attributes
    ----------
    shape : tuple of int
        Of the grid.
    rows, columns : ndarray of int
        Indices of the frequencies that layers keep; columns from 0 up.
    phase, loss : dict
        Coefficients of φ and *a* by element (or the name of a kind), shape (rows, columns); 0
        beyond the cutoff.
    """

    shape: tuple[int, int]
    rows: Indices
    columns: Indices
    phase: dict[str, Singles]
    loss: dict[str, Singles]

    def layer(self, groups: dict[str, tuple[Vectors, Numbers]]) -> Complexes:
        """Transmission of a layer at every point of the grid.

        Parameters
        ----------
        groups : dict
            By element: places in the supercell as fractions, shape (n, 2), and weights,
            shape (n,), of the atoms.

        Returns
        -------
        ndarray of complex64, shape `shape`
        """
        phase = np.zeros((self.shape[0], self.shape[1] // 2 + 1), np.complex64)
        loss = np.zeros_like(phase)
        for symbol, (places, weights) in groups.items():
            along = _ramps(self.rows, places[:, 0]) * weights.astype(np.float32)
            sums = along @ _ramps(self.columns, places[:, 1]).T
            phase[self.rows, : len(self.columns)] += self.phase[symbol] * sums
            loss[self.rows, : len(self.columns)] += self.loss[symbol] * sums
        angle, damping = (
            fft.irfft2(half, s=self.shape, norm="forward", overwrite_x=True)
            for half in (phase, loss)
        )
        amplitude = np.exp(-damping)
        made = np.empty(self.shape, np.complex64)
        np.multiply(np.cos(angle), amplitude, out=made.real)
        np.multiply(np.sin(angle), amplitude, out=made.imag)
        return made


def _ramps(indices: Indices, fractions: Numbers) -> Complexes:
    """exp(−2πi h x), shape (indices, places)."""
    turns = indices[:, None] * fractions
    # Whole turns are taken off in double precision.
    angle = ((turns - np.round(turns)) * (-2 * np.pi)).astype(np.float32)
    ramp = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=ramp.real)
    np.sin(angle, out=ramp.imag)
    return ramp


def make_atoms(
    grid: Grid, symbols: set[str], high_tension_kV: float, at_rest: bool = False
) -> Atoms:
    """Make ready the elements of a crystal.

    Parameters
    ----------
    grid : Grid
    symbols : set of str
    high_tension_kV : float
    at_rest : bool
        A perfect crystal scatters to high angles into beams alone, which far from the Ewald sphere
        come back: nothing is lost.
    """
    phase, loss = {}, {}
    for symbol in sorted(symbols):
        phase[symbol], loss[symbol] = bare(symbol, grid.layer_cutoff, high_tension_kV, at_rest)
    return atoms_from(grid, phase, loss)


#: A function of the length of a frequency, 1/Å.
Radial = Callable[[Numbers], Numbers]


def bare(
    symbol: str, cutoff: float, high_tension_kV: float, at_rest: bool = False
) -> tuple[Radial, Radial]:
    """Fourier integrals of one atom's phase and loss, Å², below a cutoff in 1/Å."""
    frequencies, missing = beyond(symbol, cutoff, high_tension_kV)
    missing = missing * (not at_rest)
    factor, scale = scattering_factor(symbol), interaction(high_tension_kV)
    return (
        lambda length: scale * factor(length) + np.interp(length, frequencies, missing.imag),
        lambda length: -np.interp(length, frequencies, missing.real),
    )


def atoms_from(grid: Grid, phase: dict[str, Radial], loss: dict[str, Radial]) -> Atoms:
    """Atoms on a grid, from Fourier integrals of their phase and loss (Å²) by kind."""
    # No more than the transform holds on both sides.
    most = [
        min(int(grid.layer_cutoff * length), (n - 1) // 2)
        for length, n in zip(np.linalg.norm(grid.plane, axis=1), grid.shape, strict=True)
    ]
    rows, columns = np.arange(-most[0], most[0] + 1), np.arange(most[1] + 1)
    reciprocal = grid.reciprocal
    g = rows[:, None, None] * reciprocal[0] + columns[None, :, None] * reciprocal[1]
    length = np.linalg.norm(g, axis=-1)
    kept = (length <= grid.layer_cutoff) / grid.area

    def on_grid(functions: dict[str, Radial]) -> dict[str, Singles]:
        return {name: (of(length) * kept).astype(np.float32) for name, of in functions.items()}

    return Atoms(grid.shape, rows, columns, on_grid(phase), on_grid(loss))


def interaction(high_tension_kV: float) -> float:
    """γλ in Å: what turns an atom's scattering factor into the phase that it gives a wave."""
    return relativistic_factor(high_tension_kV) * electron_wavelength(high_tension_kV)


def beyond(symbol: str, cutoff: float, high_tension_kV: float) -> tuple[Numbers, Complexes]:
    """What an atom's scattering beyond a cutoff does to the beams within it.

    With φ_H the part of the atom's phase whose frequencies lie above the cutoff, the wave
    behind it is multiplied with exp(iφ_H). Its first order, iφ_H, leads out of the grid. The rest,
    exp(iφ_H) − 1 − iφ_H ≈ −φ_H²/2, leads back into it: what is scattered to high angles is
    missing here.

    Parameters
    ----------
    symbol : str
    cutoff : float
        1/Å.
    high_tension_kV : float

    Returns
    -------
    frequencies : ndarray
        1/Å, from 0 up.
    coefficients : ndarray of complex
        Fourier integral of the rest at each of them, Å².
    """
    count = fft.next_fast_len(round(2 * _LARGEST / _STEP))
    frequencies = np.fft.fftfreq(count) * count * _STEP
    length = np.hypot(frequencies[:, None], frequencies)
    high = (length > cutoff) & (length < _LARGEST / 2)
    scattered = interaction(high_tension_kV) * scattering_factor(symbol)(length) * high
    phase = fft.ifft2(scattered, norm="forward").real * _STEP**2
    rest = np.exp(1j * phase) - 1 - 1j * phase
    line = fft.fft2(rest, norm="forward")[0, : count // 2] / _STEP**2
    return frequencies[: count // 2], np.asarray(line, np.complex128)
