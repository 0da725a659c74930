"""From a scan to its map: sample, geometry, then one pass over the scan."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from threadpoolctl import threadpool_limits

from pacbed.answer.doubts import contradictions
from pacbed.errors import PatternError
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.library.models.bundle import Bundle
from pacbed.library.models.kinds import Model
from pacbed.maps.blocks import Block, cut
from pacbed.maps.geometry import RunFits, estimate_geometry
from pacbed.maps.layers import Layers, join_layers
from pacbed.maps.options import MapOptions, make_grid
from pacbed.maps.sample import Sample, aspect_words, on_square_pixels, read_sample, seen_aspect
from pacbed.maps.silent_pixels import silent_words
from pacbed.maps.spread import Job, Spread, here, shared_predictor
from pacbed.maps.thickness_map import ThicknessMap, finish_map
from pacbed.scans.scan import Scan

#: Windows in a block that is sent elsewhere, about.
_BLOCK_WINDOWS = 64
#: A disk that is so many times as wide as high, or the other way round, is no round one that fits
#: take up.
_OBLONG = 1.25


class Stage(StrEnum):
    """What is being done, in words for people."""

    GEOMETRY = "finding scale, rotation and centre"
    INFERRING = "inferring the windows"


#: Called with what is being done and which share of it is done.
Progress = Callable[[Stage, float], None]


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


def no_progress(stage: Stage, share: float) -> None:
    """Tell nobody."""


def infer_map(
    scan: Scan,
    bundle: Model,
    options: MapOptions,
    progress: Progress = no_progress,
    store: Store | None = None,
    spread: Spread = here,
) -> ThicknessMap:
    """Map thickness and mistilt of a scan.

    Parameters
    ----------
    scan : Scan
    bundle : Model
        With a table; networks make the map quicker.
    options : MapOptions
    progress : callable
        ``progress(stage, share)`` is called now and then.
    store : Store, optional
        What is in it is not done again.
    spread : callable
        Where windows are inferred, those of the sample too: in this process, or see
        :mod:`pacbed.maps.processes` and :mod:`pacbed.maps.cluster`. The map is the same.

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
    options = _as_can_be(options, scan, bundle)
    bundle.system.check(options.convergence_mrad)
    grid, warnings = make_grid(scan, bundle, options)
    opened, scan, sample = scan, *read_sample(scan, grid, options)
    done = {} if store is None else store.rows()
    with spread(Job(scan, grid, bundle)) as run:
        try:
            geometry = _geometry_and_form(scan, sample, bundle, options, progress, store, run)
        except PatternError as error:
            raise _with_what_the_file_says(error, scan, bundle, options) from error
        missing = [row for row in range(grid.shape[0]) if row not in done]
        largest = grid.shape[0] if spread is here else max(1, _BLOCK_WINDOWS // grid.shape[1])
        blocks = [Block(*rows, geometry, options.refine) for rows in cut(missing, largest)]
        for row, layers in run(blocks):
            done[row] = layers
            if store is not None:
                store.keep_row(row, layers)
            progress(Stage.INFERRING, len(done) / grid.shape[0])
    scan = replace(scan, pixel_aspect=geometry.pixel_aspect)
    doubts = contradictions(
        vars(scan),
        bundle.system,
        options.convergence_mrad or geometry.convergence_mrad,
        geometry.mrad_per_pixel,
        "the patterns show",
    )
    return finish_map(
        join_layers(done[row] for row in range(grid.shape[0])),
        grid,
        geometry,
        bundle,
        options,
        scan,
        (
            *warnings,
            *silent_words(opened, options.detector_mask, scan.pixel_mask),
            *aspect_words(scan.pixel_aspect),
            *doubts,
        ),
    )


def _geometry_and_form(
    scan: Scan,
    sample: Sample,
    bundle: Model,
    options: MapOptions,
    progress: Progress,
    store: Store | None,
    run: RunFits,
) -> SharedGeometry:
    """The geometry, on square pixels: as they are known, or else as the disk shows them."""
    known = scan.mrad_per_pixel
    seen = None if options.pixel_aspect is not None else seen_aspect(sample)
    if seen is None:
        return find_geometry(sample, bundle, options, known, progress, store, run)
    # The angle per pixel that is known may be that of either side.
    tries = [(sample, known), (on_square_pixels(scan, sample, seen)[1], None)]
    if not 1 / _OBLONG < seen < _OBLONG:
        tries.reverse()
    try:
        first, scale = tries[0]
        return find_geometry(first, bundle, options, scale, progress, store, run)
    except PatternError:
        second, scale = tries[1]
        return find_geometry(second, bundle, options, scale, progress, store, run)


def _with_what_the_file_says(
    error: PatternError, scan: Scan, bundle: Model, options: MapOptions
) -> PatternError:
    """The refusal of a scan, with the file's own conditions where they are not the system's."""
    said = contradictions(
        vars(scan), bundle.system, options.convergence_mrad, options.mrad_per_pixel, "given is"
    )
    return PatternError(" ".join([str(error), *(f"T{doubt[1:]}." for doubt in said)]))


def _as_can_be(options: MapOptions, scan: Scan, bundle: Model) -> MapOptions:
    """The options with the scan's own convergence angle, and a fit where nothing else answers."""
    angle = options.convergence_mrad
    return replace(
        options,
        convergence_mrad=scan.convergence_mrad if angle is None else angle,
        refine=options.refine or bundle.as_kind(Bundle) is None,
    )


def find_geometry(
    sample: Sample,
    bundle: Model,
    options: MapOptions,
    mrad_per_pixel: float | None = None,
    progress: Progress = no_progress,
    store: Store | None = None,
    run: RunFits | None = None,
) -> SharedGeometry:
    """Geometry of a scan from a sample of its windows, or from the store.

    Parameters
    ----------
    sample : Sample
    bundle : Model
    options : MapOptions
    mrad_per_pixel : float or None
        As the file says, where the options do not.
    progress : callable
    store : Store or None
    run : callable, optional
        See :func:`.estimate_geometry`.
    """
    found = None if store is None else store.geometry()
    if found is None:
        # As in the blocks: quicker, and the same whatever the number of cores.
        with threadpool_limits(limits=1, user_api="blas"):
            found = estimate_geometry(
                sample.patterns,
                sample.place,
                shared_predictor(bundle),
                options.convergence_mrad,
                options.mrad_per_pixel or mrad_per_pixel,
                lambda share: progress(Stage.GEOMETRY, share),
                options.samples,
                run,
            )
        found = replace(found, pixel_aspect=sample.pixel_aspect)
        if store is not None:
            store.keep_geometry(found)
    return found
