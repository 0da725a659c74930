"""From a measured pattern to an Estimate by networks that choose among labels."""

import dataclasses
import math
import time

import numpy as np
from threadpoolctl import ThreadpoolController

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts, Mask, Probabilities, Singles
from pacbed.errors import OutOfRangeError
from pacbed.infer.known.given import Given
from pacbed.infer.labels.direction import DirectionSummary, summarise_directions
from pacbed.infer.labels.networks import LabelNetwork, open_network
from pacbed.infer.labels.outcome import LabelContext, Scaled, fit_warnings, label_estimate
from pacbed.infer.labels.refine import LabelReading, refine_labels
from pacbed.infer.labels.roads import Road, road_of
from pacbed.infer.labels.summary import LabelSummary, summarise_labels
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.models.model_files import sha256
from pacbed.microscope.record import Microscope
from pacbed.pattern.clean import clean
from pacbed.pattern.label_frame import Placement, scale_convergence
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Looks of the scale network, and from which on its steps are halved, so that they cannot swing.
_LOOKS, _DAMPED_FROM = 8, 4
#: A frame is never wider than this many patterns, nor narrower than so many pixels.
_WIDEST, _NARROWEST_PX = 4.0, 8.0


class LabelPredictor:
    """Infers with networks that choose among labels; may be shared by threads.

    Parameters
    ----------
    bundle : LabelBundle
    threads : int
        Threads of one inference.

    Raises
    ------
    BundleError
        If a network is missing, damaged or not of the expected kind.
    MissingExtraError
        If a network's format needs an extra that is not installed.
    """

    def __init__(self, bundle: LabelBundle, threads: int = 1) -> None:
        bundle.check_answers()
        self.bundle = bundle
        contents = {target: bundle.content(target) for target in bundle.models}
        self._networks: dict[str, LabelNetwork] = {
            target: open_network(bundle, target, content, threads)
            for target, content in contents.items()
        }
        self._digest = sha256(contents["Thickness"])
        self._way = road_of(bundle)
        self._threads = threads
        self._pools = ThreadpoolController()

    def infer(
        self,
        pattern: Counts,
        convergence_mrad: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        mask: Mask | None = None,
        microscope: Microscope | None = None,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern.

        Parameters
        ----------
        pattern : ndarray, shape (rows, columns)
            As recorded, any size from 32² to 4096² and any real dtype.
        convergence_mrad : float
            Convergence semi-angle; these networks need it.
        mrad_per_pixel : float, optional
            Angle per pixel; found from the pattern where it is not given.
        refine : bool
            Fit the synthesised pattern to the measured one; a model without a table of
            simulated patterns cannot, and its answer says so.
        mask : ndarray of bool, shape (rows, columns), optional
            True where a pixel says nothing, beside those that are found.
        microscope : Microscope, optional
            From :func:`pacbed.read_microscope`: says what is not given, how sure that is, and
            the shape of the disks. One of another high tension is left out, with a warning.

        Returns
        -------
        Estimate
            Without a fit it lacks the tilt's direction where no network gives it.

        Raises
        ------
        PatternError
            If the array cannot be a pattern.
        OutOfRangeError
            If the convergence angle is not given, or lies outside the bundle's range.
        """
        started = time.perf_counter()
        covered = self.bundle.convergence_mrad
        system = dataclasses.replace(self.bundle.system, convergence_mrad=covered)
        given = Given.of(system, convergence_mrad, mrad_per_pixel, microscope)
        convergence_mrad, mrad_per_pixel = given.convergence_mrad, given.mrad_per_pixel
        if convergence_mrad is None:
            raise OutOfRangeError(
                f"the networks of {self.bundle.system.name} need the convergence angle; give it"
            )
        data = clean(pattern, mask)
        road = self._way.begin(
            self.bundle.preparation, data.values, convergence_mrad, mrad_per_pixel
        )
        angle = scale_convergence(np.array([convergence_mrad]), covered)
        known = mrad_per_pixel is not None and self._way.takes_scale
        scaled = self._scale(road, angle, known)
        read = {
            target: self._read(target, road, scaled.placement, angle)
            for target in self._networks
            if target in ("Thickness", "Mistilt")
        }
        direction = self._read_direction(road, scaled.placement, angle)
        context = LabelContext(
            self.bundle,
            self._digest,
            self._way,
            road,
            scaled,
            data,
            given,
            refine,
            started,
        )
        estimate = label_estimate(context, read["Thickness"], read.get("Mistilt"), direction)
        table = self.bundle.table if refine else None
        if table is None:
            return estimate
        row, column = road.disk.row, road.disk.column
        disk = DiskLocation(row, column, convergence_mrad / estimate.mrad_per_pixel)
        reading = LabelReading(disk, read["Thickness"], estimate.mistilt_mrad or 0.0, direction)
        return self._refined(table, data, convergence_mrad, context, reading)

    def _read(self, target: str, road: Road, placement: Placement, angle: Singles) -> LabelSummary:
        values = np.array(self.bundle.models[target].labels.values)
        return summarise_labels(values, self._probabilities(target, road, placement, angle))

    def _read_direction(
        self, road: Road, placement: Placement, angle: Singles
    ) -> DirectionSummary | None:
        if not self.bundle.says_direction:
            return None
        values = np.array(self.bundle.models["Azimuth"].labels.values)
        return summarise_directions(values, self._probabilities("Azimuth", road, placement, angle))

    def _probabilities(
        self, target: str, road: Road, placement: Placement, angle: Singles
    ) -> Probabilities:
        network = self._networks[target]
        size, _, channels = network.input
        image = road.image(placement, size, channels)[None]
        probability: Probabilities = network.probabilities(image, angle)[0]
        return probability

    def _scale(self, road: Road, angle: Singles, known: bool) -> Scaled:
        """Let the scale network look until it sees the right scale."""
        placement = road.start
        if known or "Scale" not in self._networks:
            return Scaled(placement, 0, True)
        labels = np.sort(self.bundle.models["Scale"].labels.values)
        # At rest: nearer to 1 than to the labels beside it.
        rest = float(np.abs(np.diff(np.log(labels))).min()) / 2
        for look in range(1, _LOOKS + 1):
            seen = self._read("Scale", road, placement, angle)
            if abs(math.log(seen.value)) <= rest:
                return Scaled(placement, look, True)
            step = seen.value if look < _DAMPED_FROM else math.sqrt(seen.value)
            moved = road.corrected(placement, step)
            if not _NARROWEST_PX <= 2 * moved.half_width <= _WIDEST * 2 * road.start.half_width:
                return Scaled(placement, look, False)
            placement = moved
        return Scaled(placement, _LOOKS, False)

    def _refined(
        self,
        table: LacbedTable,
        data: CleanPattern,
        convergence_mrad: float,
        context: LabelContext,
        reading: LabelReading,
    ) -> Estimate:
        """The fit's answer, with what the networks said beside it."""
        # The fit's matrices are small: more threads only wait for each other.
        with self._pools.limit(limits=self._threads, user_api="blas"):
            fitted = refine_labels(context, table, data, reading, convergence_mrad)
        return dataclasses.replace(
            fitted,
            warnings=(*fitted.warnings, *fit_warnings(context)),
            provenance={**context.provenance("fit"), **fitted.provenance},
        )
