"""Pairs of two lists of vectors: which sums are short, and which are the same."""

import numpy as np

from pacbed.arrays import Angles, Indices


def close_pairs(first: Angles, second: Angles, radius: float) -> tuple[Indices, Indices]:
    """Pairs whose sum is no longer than a radius, to single precision.

    Parameters
    ----------
    first, second : ndarray, shape (n, 2), (m, 2)
    radius : float

    Returns
    -------
    first_of, second_of : ndarray of int32, shape (C,)
        Ascending by the first one.
    """
    # |a + b|² as one product of matrices: |a|² + |b|² + 2 a·b.
    left = np.column_stack([first, (first**2).sum(axis=1), np.ones(len(first))])
    right = np.stack([*2 * second.T, np.ones(len(second)), (second**2).sum(axis=1)])
    close = left.astype(np.float32) @ right.astype(np.float32) <= radius * radius
    counts = np.count_nonzero(close, axis=1)
    first_of = np.repeat(np.arange(len(first), dtype=np.int32), counts)
    second_of = np.flatnonzero(close) - first_of.astype(np.int64) * len(second)
    return first_of, second_of.astype(np.int32)


def distinct_sums(
    first: Indices, first_of: Indices, second: Indices, second_of: Indices
) -> tuple[Indices, Indices]:
    """Distinct sums of two index pairs, and the number of each sum among them.

    Parameters
    ----------
    first, second : ndarray of int, shape (n, 2), (m, 2)
    first_of, second_of : ndarray of int, shape (C,)
        Which of them each sum has.

    Returns
    -------
    points : ndarray of int, shape (P, 2)
    point_of : ndarray of int, shape (C,)
    """
    low = first.min(axis=0, initial=0) + second.min(axis=0, initial=0)
    high = first.max(axis=0, initial=0) + second.max(axis=0, initial=0)
    width = int(high[1] - low[1]) + 1
    across = np.array([width, 1])
    code = ((first - low) @ across).astype(np.int32)[first_of]
    code += (second @ across).astype(np.int32)[second_of]
    present = np.zeros(int(high[0] - low[0] + 1) * width, bool)
    present[code] = True
    number = np.cumsum(present, dtype=np.int32) - 1
    unique = np.flatnonzero(present)
    return np.stack(np.divmod(unique, width), axis=1) + low, number[code]
