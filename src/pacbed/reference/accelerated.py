"""The same loop on a graphics card, by PyTorch: imported only where one is asked for."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from pacbed.arrays import Complexes
from pacbed.errors import OutOfRangeError


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises
    ------
    OutOfRangeError
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise OutOfRangeError(
            f'device "{device}" cannot be used by PyTorch here; give "cpu", or one that it finds, '
            'such as "cuda"'
        ) from error


def waves_behind(
    beams: Complexes,
    layers: Iterator[Complexes],
    propagators: Sequence[Complexes],
    exits: Sequence[int],
    device: str,
) -> Iterator[Complexes]:
    """Waves behind some of the layers; see :func:`pacbed.reference.propagate.waves_behind`.

    Layers are made by the processor, one thread for each configuration, while the card propagates
    the waves of all.
    """
    wanted = set(exits)
    ways = [torch.from_numpy(way).to(device) for way in propagators]
    waves = torch.fft.ifft2(torch.from_numpy(beams).to(device), norm="forward")
    for number in range(1, max(exits) + 1):
        waves *= torch.from_numpy(next(layers)).to(device)
        spectrum = torch.fft.fft2(waves, norm="forward")
        if number in wanted:
            yield np.asarray(spectrum.cpu().numpy())
        waves = torch.fft.ifft2(spectrum * ways[(number - 1) % len(ways)], norm="forward")
