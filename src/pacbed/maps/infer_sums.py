"""From window sums that somebody else has made to a map, as :mod:`pacbed.maps.infer_map`."""

from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from pacbed.errors import PatternError
from pacbed.infer.batch_geometry import SharedGeometry
from pacbed.library.bundle import Bundle
from pacbed.maps.geometry import estimate_geometry, places, sample_windows
from pacbed.maps.infer_map import Progress, no_progress
from pacbed.maps.layers import Layers, join_layers
from pacbed.maps.options import MapOptions
from pacbed.maps.solver import WindowSolver
from pacbed.maps.thickness_map import ThicknessMap, finish_map
from pacbed.maps.windows import WindowGrid, WindowSums


def infer_sums(
    rows: Sequence[WindowSums],
    grid: WindowGrid,
    bundle: Bundle,
    options: MapOptions,
    step_nm: tuple[float, float] | None = None,
    source: str = "",
    warnings: tuple[str, ...] = (),
    progress: Progress = no_progress,
) -> ThicknessMap:
    """Map thickness and mistilt from the sums of all windows.

    The same sums give the same map as :func:`pacbed.maps.infer_map.infer_map`, which reads
    the scan itself.

    Parameters
    ----------
    rows : sequence of WindowSums
        One for each row of windows, in order.
    grid : WindowGrid
    bundle : Bundle
    options : MapOptions
    step_nm : tuple of float, optional
        Distance of scan rows and of scan columns.
    source : str
        What the scan is called.
    warnings : tuple of str
    progress : callable
        ``progress(words, share)`` is called now and then.

    Returns
    -------
    ThicknessMap

    Raises
    ------
    PatternError
        If the sampled windows are not patterns of the system.
    """
    # LiberTEM lets libraries have all cores; the fit's small products would wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        geometry = geometry_of_sums(
            rows,
            grid,
            sample_windows(grid, options.samples),
            bundle,
            options,
            lambda share: progress("finding scale, rotation and centre", share),
        )
        solver = WindowSolver(bundle, geometry, options.refine)
        where = places(grid)
        solved: list[Layers] = []
        for sums in rows:
            solved.append(solver.solve(sums, where[sums.row], grid.window[0] * grid.window[1]))
            progress("inferring the windows", len(solved) / len(rows))
    return finish_map(
        join_layers(solved), grid, geometry, bundle, options, step_nm, source, warnings
    )


def geometry_of_sums(
    rows: Sequence[WindowSums],
    grid: WindowGrid,
    chosen: list[tuple[int, int]],
    bundle: Bundle,
    options: MapOptions,
    progress: Callable[[float], None] = lambda share: None,
) -> SharedGeometry:
    """Geometry of a scan from some of its windows; those without frames are left out.

    Raises
    ------
    PatternError
        If too few of them are patterns of the system.
    """
    where = places(grid)
    used = [place for place in sorted(chosen) if rows[place[0]].frames[place[1]]]
    if not used:
        raise PatternError("no window has a frame that counts: check region and mask.")
    return estimate_geometry(
        np.array([rows[row].patterns[column] for row, column in used]),
        np.array([where[place] for place in used]),
        bundle,
        options.convergence_mrad,
        options.mrad_per_pixel,
        progress,
    )
