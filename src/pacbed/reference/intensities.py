"""Intensities behind arrangements of displaced atoms: elastic and diffuse ones apart.

A wave ψ behind displaced atoms is its mean ⟨ψ⟩ over all arrangements and a rest, and

    ⟨|ψ|²⟩ = |⟨ψ⟩|² + ⟨|ψ − ⟨ψ⟩|²⟩,

the elastic and the diffuse electrons. The mean is known exactly (:mod:`pacbed.reference.mean`), so
that an average over few arrangements has the noise of the diffuse electrons alone: not that of the
interference 2 Re ⟨ψ⟩*(ψ − ⟨ψ⟩), which averages to nothing, but slowly, since ⟨ψ⟩ is strong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from pacbed.arrays import Complexes, Singles, Vectors
from pacbed.reference.engine import Engine, accelerated, incident_waves, transmissions
from pacbed.reference.propagate import waves_behind


@dataclass(frozen=True)
class Parts:
    """Intensities of some probe positions at one thickness, as shares of the incident beam.

    Attributes
    ----------
    elastic, diffuse : ndarray of float32, shape (P, *window)
        At each frequency of the engine's window. Without displacements all are elastic.
    """

    elastic: Singles
    diffuse: Singles


def parts_of(
    engine: Engine,
    positions: Vectors,
    generator: np.random.Generator | None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Parts]:
    """Elastic and diffuse intensities of some probe positions.

    Parameters
    ----------
    engine : Engine
    positions : ndarray, shape (P, 2)
        Å.
    generator : numpy.random.Generator or None
        Draws the displacements; None leaves all atoms at rest.
    tick : callable, optional
        Called before every layer; may raise.

    Yields
    ------
    Parts
        Behind each of the exits.
    """
    incident = incident_waves(engine, positions)
    waves = waves_of(engine, incident, generator, tick)
    if generator is None:
        for wave in waves:
            elastic = intensity(wave)
            yield Parts(elastic, np.zeros_like(elastic))
        return
    means = _behind(engine, incident, cycle(engine.means))
    for wave, mean in zip(waves, means, strict=True):
        yield Parts(intensity(mean), intensity(wave - mean))


def patterns_of(
    engine: Engine,
    positions: Vectors,
    generator: np.random.Generator | None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Singles]:
    """Elastic and diffuse intensities together; see :func:`parts_of`."""
    for parts in parts_of(engine, positions, generator, tick):
        yield parts.elastic + parts.diffuse


def waves_of(
    engine: Engine,
    incident: Complexes,
    generator: np.random.Generator | None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Complexes]:
    """Waves behind one arrangement of the atoms; see :func:`parts_of`.

    Parameters
    ----------
    engine : Engine
    incident : ndarray of complex64, shape (P, n, m)
        Fourier coefficients, as :func:`~pacbed.reference.engine.incident_waves` makes them.
    generator : numpy.random.Generator or None
    tick : callable, optional

    Yields
    ------
    ndarray of complex64, shape (P, *window)
        Behind each of the exits.
    """

    def told() -> Iterator[Complexes]:
        for layer in transmissions(engine, generator):
            if tick is not None:
                tick()
            yield layer

    return _behind(engine, incident, told())


def _behind(engine: Engine, waves: Complexes, layers: Iterator[Complexes]) -> Iterator[Complexes]:
    """Waves in the engine's window behind each of the exits."""
    rows, columns = engine.window
    work = waves, layers, engine.propagators, engine.exits
    device = engine.options.device
    for behind in (
        waves_behind(*work) if device == "cpu" else accelerated(device).waves_behind(*work, device)
    ):
        yield behind[:, rows[:, None], columns[None]]


def intensity(wave: Complexes) -> Singles:
    """Squares of Fourier coefficients, single precision."""
    return np.asarray(wave.real**2 + wave.imag**2, np.float32)
