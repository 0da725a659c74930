"""From a scan to its map, on this machine: sample, geometry, then one pass over the scan."""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from pacbed.infer.batch_geometry import SharedGeometry
from pacbed.library.bundle import Bundle
from pacbed.maps.geometry import estimate_geometry, places, sample_windows
from pacbed.maps.layers import Layers, join_layers
from pacbed.maps.options import MapOptions, check_bundle, make_grid, scan_step_nm
from pacbed.maps.scan import Scan
from pacbed.maps.solver import WindowSolver
from pacbed.maps.thickness_map import ThicknessMap, finish_map
from pacbed.maps.windows import WindowGrid, sum_windows

#: Called with what is being done and which share of it is done.
Progress = Callable[[str, float], None]


class Store(Protocol):
    """Keeps what is done of a map, so that it can be gone on with."""

    def geometry(self) -> SharedGeometry | None:
        """The geometry that was found before."""

    def keep_geometry(self, geometry: SharedGeometry) -> None:
        """Keep the geometry."""

    def rows(self) -> dict[int, Layers]:
        """The rows of windows that were done before."""

    def keep_row(self, row: int, layers: Layers) -> None:
        """Keep a row of windows."""


def no_progress(words: str, share: float) -> None:
    """Tell nobody."""


def infer_map(
    scan: Scan,
    bundle: Bundle,
    options: MapOptions,
    progress: Progress = no_progress,
    store: Store | None = None,
    threads: int = 1,
) -> ThicknessMap:
    """Map thickness and mistilt of a scan.

    Parameters
    ----------
    scan : Scan
    bundle : Bundle
    options : MapOptions
    progress : callable
        ``progress(words, share)`` is called now and then.
    store : Store, optional
        What is in it is not done again.
    threads : int
        Threads of the networks.

    Returns
    -------
    ThicknessMap

    Raises
    ------
    OutOfRangeError
        If options and scan do not fit together.
    PatternError
        If the sampled windows are not patterns of the system.
    """
    check_bundle(options, bundle)
    grid, warnings = make_grid(scan, bundle, options)
    geometry = find_geometry(scan, grid, bundle, options, progress, store)
    done = {} if store is None else store.rows()
    missing = [row for row in range(grid.shape[0]) if row not in done]
    solver = WindowSolver(bundle, geometry, options.refine, threads)
    for first, last in _runs(missing):
        for row, layers in solve_rows(scan, grid, solver, first, last):
            done[row] = layers
            if store is not None:
                store.keep_row(row, layers)
            progress("inferring the windows", len(done) / grid.shape[0])
    return finish_map(
        join_layers(done[row] for row in range(grid.shape[0])),
        grid,
        geometry,
        bundle,
        options,
        scan_step_nm(scan, options),
        scan.name,
        warnings,
    )


def find_geometry(
    scan: Scan,
    grid: WindowGrid,
    bundle: Bundle,
    options: MapOptions,
    progress: Progress = no_progress,
    store: Store | None = None,
) -> SharedGeometry:
    """Geometry of a scan from a sample of its windows, or from the store."""
    found = None if store is None else store.geometry()
    if found is None:
        chosen = sample_windows(grid, options.samples)
        patterns, place = read_sample(scan, grid, chosen)
        found = estimate_geometry(
            patterns,
            place,
            bundle,
            options.convergence_mrad,
            options.mrad_per_pixel or scan.mrad_per_pixel,
            lambda share: progress("finding scale, rotation and centre", share),
        )
        if store is not None:
            store.keep_geometry(found)
    return found


def read_sample(
    scan: Scan, grid: WindowGrid, chosen: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Summed patterns of some windows and their places; windows without frames are left out."""
    where = places(grid)
    patterns, place = [], []
    for row in sorted({row for row, _ in chosen}):
        sums = next(sum_windows(grid, scan.rows(*grid.rows_of(row)), row, row + 1))
        for column in [c for r, c in chosen if r == row]:
            if sums.frames[column]:
                patterns.append(sums.patterns[column])
                place.append(where[row, column])
    return np.array(patterns), np.array(place)


def solve_rows(
    scan: Scan, grid: WindowGrid, solver: WindowSolver, first: int, last: int
) -> Iterator[tuple[int, Layers]]:
    """Answers of rows of windows, in one pass over their scan rows."""
    where = places(grid)
    begin, end = grid.rows_of(first)[0], grid.rows_of(last - 1)[1]
    positions = grid.window[0] * grid.window[1]
    for sums in sum_windows(grid, scan.rows(begin, end), first, last):
        yield sums.row, solver.solve(sums, where[sums.row], positions)


def _runs(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Stretches of consecutive numbers, as first and last-plus-one."""
    start = 0
    for n in range(1, len(rows) + 1):
        if n == len(rows) or rows[n] != rows[n - 1] + 1:
            yield rows[start], rows[n - 1] + 1
            start = n
