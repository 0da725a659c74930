"""Waves through layers of atoms: the loop that takes the time."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import fft

from pacbed.arrays import Complexes


def waves_behind(
    beams: Complexes,
    layers: Iterator[Complexes],
    propagators: Sequence[Complexes],
    exits: Sequence[int],
) -> Iterator[Complexes]:
    """Waves behind some of the layers, each as its Fourier coefficients.

    A layer multiplies a wave; the way to the next one turns the phase of each coefficient. The
    coefficients are taken between the two: the last way would change phases alone.

    Parameters
    ----------
    beams : ndarray of complex64, shape (P, n, m)
        Fourier coefficients of the incident waves, in the order of a transform.
    layers : iterator of ndarray, shape (n, m)
        Transmission of each layer in turn.
    propagators : sequence of ndarray, shape (n, m)
        Of the way behind each layer of a period; taken in turn.
    exits : sequence of int
        Numbers of layers, rising, behind which the waves are wanted.

    Yields
    ------
    ndarray of complex64, shape (P, n, m)
        Overwritten by the next one.
    """
    wanted = set(exits)
    taken = np.empty_like(beams)
    # One after the other stays in the processor's cache.
    waves = [fft.ifft2(beam, norm="forward") for beam in beams]
    for number in range(1, max(exits) + 1):
        layer = next(layers)
        way = propagators[(number - 1) % len(propagators)]
        for index in range(len(waves)):
            waves[index] *= layer
            spectrum = fft.fft2(waves[index], norm="forward", overwrite_x=True)
            if number in wanted:
                taken[index] = spectrum
            spectrum *= way
            waves[index] = fft.ifft2(spectrum, norm="forward", overwrite_x=True)
        if number in wanted:
            yield taken
