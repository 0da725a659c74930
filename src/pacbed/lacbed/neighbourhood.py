"""The production kernel: one scattering matrix for a neighbourhood of directions.

    dψ/dz = iπλ (H(k₀) − 2 (k − k₀)·g) ψ

H(k₀) is the structure matrix of the neighbourhood's middle, see :mod:`pacbed.lacbed.bloch`. Its
exponential over one step is made once. For the directions around it only the phases of the
beams differ, so a step is one matrix product for all of them. The splitting is symmetric
(second order), and exact in the middle.

Weak beams far from the Ewald sphere are not carried along. To second order they act on the
others through H_PQ (U_0 − H_QQ)⁻¹ H_QP (Löwdin 1951; Bethe 1928 takes the diagonal of H_QQ
alone).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Numbers, Vectors
from pacbed.crystal.projection import ProjectedCell
from pacbed.crystal.scattering import potential_coefficients
from pacbed.lacbed.bloch import beams_within
from pacbed.lacbed.intensities import Intensities, Waves, lost_share
from pacbed.units import electron_wavelength

#: Called between steps of work; may raise to end it.
Tick = Callable[[], None]

#: Largest g² + 2 k·g of the beams that are carried along, and of those that act on them, 1/Å²:
#: a constant, and what each 1/Å² of the potential's peak adds. Measured for columns from
#: silicon (peak 1.2) to gold (5.3): intensities are within 1e-3 of all beams'.
_CARRIED, _ACTING = (4.2, 0.5), (8.0, 2.6)
_LEAST_CARRIED, _MOST_CARRIED = 5.0, 9.0
#: Coefficients of the potential beyond this frequency, 1/Å, are left out.
_FREQUENCY_MAX = 8.0
#: Degree eight of the exponential's series is enough in single precision up to this norm.
_NORM = 0.7


@dataclass(frozen=True)
class Reach:
    """Largest excitation g² + 2 k·g of the beams that count, 1/Å².

    Attributes
    ----------
    carried : float
        Of the beams that are carried along.
    acting : float
        Of those that act on them.
    """

    carried: float
    acting: float


def potential_peak(cell: ProjectedCell, high_tension_kV: float) -> float:
    """Deepest place of the projected elastic potential, 1/Å²."""
    indices = beams_within(cell, _FREQUENCY_MAX)
    elastic = potential_coefficients(cell, indices, high_tension_kV)
    waves = np.exp(2j * np.pi * cell.positions @ indices.T)
    return float((waves @ elastic).real.max())


def choose_reach(cell: ProjectedCell, high_tension_kV: float) -> Reach:
    """Which beams count: the more the deeper the columns' potential is."""
    peak = potential_peak(cell, high_tension_kV)
    carried = float(np.clip(_CARRIED[0] + _CARRIED[1] * peak, _LEAST_CARRIED, _MOST_CARRIED))
    return Reach(carried, max(_ACTING[0] + _ACTING[1] * peak, carried))


@dataclass(frozen=True)
class NeighbourhoodKernel:
    """What every neighbourhood needs; may be sent to other processes.

    Attributes
    ----------
    reciprocal : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, 1/Å.
    potential : ndarray of complex64, shape (2a + 1, 2b + 1)
        Fourier coefficients U + iU', 1/Å²; that of index (0, 0) is in the middle.
    candidates : ndarray of int, shape (M, 2)
        Beams that may be carried along or act, (0, 0) first.
    reach : Reach
    wavelength : float
        Å.
    step : float
        Å between recorded thicknesses.
    steps : int
        Recorded thicknesses after the zeroth.
    substeps : int
        Products in one step.
    """

    reciprocal: Numbers
    potential: Waves
    candidates: Indices
    reach: Reach
    wavelength: float
    step: float
    steps: int
    substeps: int

    def __call__(
        self, directions: Vectors, beams: Indices, tick: Tick | None = None
    ) -> Intensities:
        """Intensities P_g(k; t) around one direction.

        Parameters
        ----------
        directions : ndarray, shape (K, 2)
            Transverse wave vectors k, 1/Å, close to each other.
        beams : ndarray of int, shape (R, 2)
            Beams to record.
        tick : callable, optional
            Called between the products; may raise.

        Returns
        -------
        Intensities
            At steps + 1 thicknesses.
        """
        tick = tick or _no_tick
        middle = (directions.min(axis=0) + directions.max(axis=0)) / 2
        carried, acting = self._choose(middle, beams)
        matrix = self._structure(carried, acting, middle)
        tick()
        length = self.step / self.substeps
        factor = np.complex64(1j * np.pi * self.wavelength * length)
        matrix = exponential(factor * matrix, tick)
        shift = 2 * (carried @ self.reciprocal) @ (directions - middle).T
        phase = np.exp(-1j * np.pi * self.wavelength * length * shift).astype(np.complex64)
        wave = np.zeros(phase.shape, np.complex64)
        wave[np.flatnonzero((carried == 0).all(axis=1))] = 1.0
        return self._propagate(matrix, phase, wave, len(beams), tick)

    def _propagate(
        self, matrix: Waves, phase: Waves, wave: Waves, recorded: int, tick: Tick
    ) -> Intensities:
        out = np.empty((self.steps + 1, recorded, wave.shape[1]), np.float32)
        lost = np.empty((self.steps + 1, wave.shape[1]), np.float32)
        squares = np.empty((recorded, wave.shape[1], 2), np.float32)
        other = np.empty_like(wave)
        for step in range(self.steps + 1):
            for inner in range(self.substeps if step else 0):
                # Half a phase at either end changes no intensity.
                if step > 1 or inner > 0:
                    wave *= phase
                np.matmul(matrix, wave, out=other)
                wave, other = other, wave
            parts = wave[:recorded].view(np.float32).reshape(squares.shape)
            np.multiply(parts, parts, out=squares)
            np.add(squares[..., 0], squares[..., 1], out=out[step])
            # What the acting beams have is in the carried ones: these keep their norm.
            lost[step] = lost_share(wave)
            tick()
        return Intensities(out, lost)

    def _choose(self, middle: Vectors, beams: Indices) -> tuple[Indices, Indices]:
        """Beams that are carried along, the recorded ones first, and those that act."""
        g = self.candidates @ self.reciprocal
        excitation = (g**2).sum(axis=1) + 2 * g @ middle
        stride = 2 * int(np.abs(self.candidates).max()) + 1
        code = self.candidates @ [stride, 1]
        recorded = np.isin(code, beams @ [stride, 1])
        near = (excitation <= self.reach.carried) & ~recorded
        acts = (excitation > self.reach.carried) & (excitation <= self.reach.acting) & ~recorded
        return np.concatenate([beams, self.candidates[near]]), self.candidates[acts]

    def _structure(self, carried: Indices, acting: Indices, middle: Vectors) -> Waves:
        """Structure matrix of the carried beams with what the others do to them, 1/Å²."""
        matrix: Waves = self._coupling(carried, carried)
        diagonal = np.diag_indices(len(carried))
        mean = self.potential[tuple(n // 2 for n in self.potential.shape)]
        excitation = self._excitation(carried, middle)
        # What all beams have in common turns the phase of all alike.
        matrix[diagonal] -= (excitation - excitation.max() / 2).astype(np.float32) + mean.real
        if len(acting):
            weak = -self._coupling(acting, acting)
            weak[np.diag_indices(len(acting))] += mean + self._excitation(acting, middle).astype(
                np.float32
            )
            back = np.linalg.solve(weak, self._coupling(acting, carried))
            matrix += self._coupling(carried, acting) @ back
        return matrix

    def _excitation(self, beams: Indices, middle: Vectors) -> Numbers:
        g = beams @ self.reciprocal
        excitation: Numbers = (g**2).sum(axis=1) + 2 * g @ middle
        return excitation

    def _coupling(self, to: Indices, of: Indices) -> Waves:
        """U_{g−h} for beams g and h, shape (len(to), len(of))."""
        rows, columns = self.potential.shape
        centre = (rows // 2) * columns + columns // 2
        place = (to @ [columns, 1] + centre)[:, None] - of @ [columns, 1]
        coupling: Waves = self.potential.ravel()[place]
        return coupling


def prepare_kernel(
    cell: ProjectedCell,
    high_tension_kV: float,
    reach: Reach,
    direction_max: float,
    beam_max: float,
    step: float,
    steps: int,
    substeps: int,
    absorption: float = 1.0,
) -> NeighbourhoodKernel:
    """Make ready what all neighbourhoods share.

    Parameters
    ----------
    cell : ProjectedCell
    high_tension_kV : float
    reach : Reach
    direction_max : float
        Largest transverse wave vector, 1/Å.
    beam_max : float
        Largest recorded beam, 1/Å.
    step : float
        Å between recorded thicknesses.
    steps, substeps : int
        See :class:`NeighbourhoodKernel`.
    absorption : float
        Factor on thermal diffuse absorption; 0 leaves it out.
    """
    radius = float(np.sqrt(reach.acting + direction_max**2))
    candidates = beams_within(cell, max(radius + direction_max, beam_max))
    axes = (np.arange(-2 * b, 2 * b + 1) for b in np.abs(candidates).max(axis=0))
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = np.linalg.norm(indices @ cell.reciprocal, axis=-1) <= _FREQUENCY_MAX
    potential = np.zeros(indices.shape[:2], complex)
    potential[inside] = potential_coefficients(cell, indices[inside], high_tension_kV)
    if absorption != 1:
        # U is the Hermitian part, iU' the anti-Hermitian one.
        mirrored = potential[::-1, ::-1].conj()
        potential = ((1 + absorption) * potential + (1 - absorption) * mirrored) / 2
    return NeighbourhoodKernel(
        cell.reciprocal,
        potential.astype(np.complex64),
        candidates,
        reach,
        electron_wavelength(high_tension_kV),
        step,
        steps,
        substeps,
    )


def exponential(matrix: Waves, tick: Tick) -> Waves:
    """exp(A) by its series to the eighth power and squaring, single precision."""
    size = float(np.sqrt(np.abs(matrix).sum(axis=0).max() * np.abs(matrix).sum(axis=1).max()))
    halvings = max(0, int(np.ceil(np.log2(size / _NORM)))) if size > 0 else 0
    a = matrix / np.float32(2**halvings)
    a2 = a @ a
    a3 = a2 @ a
    tick()
    # ((A⁴/8! + A³/7! + …) A⁴) + …: four products for degree eight.
    f = np.float32
    a4 = a2 @ a2
    high = a / f(120) + a2 / f(720) + a3 / f(5040) + a4 / f(40320)
    high[np.diag_indices(len(a))] += f(1 / 24)
    # exp(A) − 1 is squared, as its digits are not lost beside the ones.
    less = a4 @ high
    less += a + a2 / f(2) + a3 / f(6)
    for _ in range(halvings):
        tick()
        less = less @ less + 2 * less
    less[np.diag_indices(len(a))] += f(1)
    total: Waves = less
    return total


def _no_tick() -> None:
    pass
