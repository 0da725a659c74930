"""From a measured pattern to an Estimate by networks that choose among labels."""

import math
import time
from dataclasses import dataclass

import numpy as np

import pacbed
from pacbed.errors import OutOfRangeError
from pacbed.infer.estimate import Alternative, Estimate, Status, ThicknessDistribution
from pacbed.infer.label_models import LabelNetwork, open_network
from pacbed.infer.label_roads import Road, begin_road
from pacbed.infer.label_summary import LabelSummary, summarise_labels
from pacbed.library.earlier_folder import EARLIER
from pacbed.library.label_bundle import LabelBundle
from pacbed.pattern.label_frame import Placement, scale_convergence
from pacbed.pattern.preprocess import clean

_ANGSTROM_PER_NM = 10.0
#: Looks of the scale network, and from which on its steps are halved, so that they cannot swing.
_LOOKS, _DAMPED_FROM = 8, 4
#: A frame is never wider than this many patterns, nor narrower than so many pixels.
_WIDEST, _NARROWEST_PX = 4.0, 8.0
#: Below this probability of the likeliest thickness it is called ambiguous.
_CLEAR = 0.7


@dataclass(frozen=True)
class _Scaled:
    """Where the frame ended: its placement, the looks it took, and whether it came to rest."""

    placement: Placement
    looks: int
    settled: bool


class LabelPredictor:
    """Infers with a label bundle or a model of the earlier system; may be shared by threads.

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
        self.bundle = bundle
        self._networks: dict[str, LabelNetwork] = {
            target: open_network(bundle, target, threads) for target in bundle.models
        }
        self._digest = bundle.digest("Thickness")
        # Also where such a model was converted into a bundle.
        self._earlier = bundle.preparation.get("road") == EARLIER

    def infer(
        self,
        pattern: np.ndarray,
        convergence_mrad: float,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern.

        Parameters
        ----------
        pattern : ndarray, shape (rows, columns)
            As recorded, any size from 32² to 4096² and any real dtype.
        convergence_mrad : float
            Convergence semi-angle.
        mrad_per_pixel : float, optional
            Angle per pixel; found from the pattern where it is not given.
        refine : bool
            Fit the synthesised pattern to the measured one; a model without a table of
            simulated patterns cannot, and its answer says so.

        Returns
        -------
        Estimate
            Without the tilt's direction, which the networks do not give.

        Raises
        ------
        PatternError
            If the array cannot be a pattern.
        OutOfRangeError
            If the convergence angle lies outside the bundle's range.
        """
        started = time.perf_counter()
        self._check(convergence_mrad, mrad_per_pixel)
        road = begin_road(self.bundle, clean(pattern), convergence_mrad, mrad_per_pixel)
        angle = scale_convergence(np.array([convergence_mrad]), self.bundle.convergence_mrad)
        known = mrad_per_pixel is not None and not self._earlier
        scaled = self._scale(road, angle, known)
        read = {
            target: self._read(target, road, scaled.placement, angle)
            for target in self._networks
            if target != "Scale"
        }
        return self._estimate(road, scaled, read, mrad_per_pixel, refine, started)

    def _check(self, convergence_mrad: float, mrad_per_pixel: float | None) -> None:
        low, high = self.bundle.convergence_mrad
        if not low - 1e-6 <= convergence_mrad <= high + 1e-6:
            raise OutOfRangeError(
                f"convergence {convergence_mrad:g} mrad lies outside {low:g} to {high:g} mrad, "
                f"which the system {self.bundle.system.name} covers; use another bundle"
            )
        if mrad_per_pixel is not None and not (
            math.isfinite(mrad_per_pixel) and mrad_per_pixel > 0
        ):
            raise OutOfRangeError("mrad_per_pixel must be a positive number")

    def _read(
        self, target: str, road: Road, placement: Placement, angle: np.ndarray
    ) -> LabelSummary:
        network = self._networks[target]
        size, _, channels = network.input
        image = road.image(placement, size, channels)[None]
        values = np.array(self.bundle.models[target].labels.values)
        return summarise_labels(values, network.probabilities(image, angle)[0])

    def _scale(self, road: Road, angle: np.ndarray, known: bool) -> _Scaled:
        """Let the scale network look until it sees the right scale."""
        placement = road.start
        if known or "Scale" not in self._networks:
            return _Scaled(placement, 0, True)
        labels = np.sort(self.bundle.models["Scale"].labels.values)
        # At rest: nearer to 1 than to the labels beside it.
        rest = float(np.abs(np.diff(np.log(labels))).min()) / 2
        for look in range(1, _LOOKS + 1):
            seen = self._read("Scale", road, placement, angle)
            if abs(math.log(seen.value)) <= rest:
                return _Scaled(placement, look, True)
            step = seen.value if look < _DAMPED_FROM else math.sqrt(seen.value)
            moved = road.corrected(placement, step)
            if not _NARROWEST_PX <= 2 * moved.half_width <= _WIDEST * 2 * road.start.half_width:
                return _Scaled(placement, look, False)
            placement = moved
        return _Scaled(placement, _LOOKS, False)

    def _estimate(
        self,
        road: Road,
        scaled: _Scaled,
        read: dict[str, LabelSummary],
        mrad_per_pixel: float | None,
        refine: bool,
        started: float,
    ) -> Estimate:
        thickness, mistilt = read["Thickness"], read.get("Mistilt")
        tilt = None if mistilt is None else mistilt.value
        low, high = (value / _ANGSTROM_PER_NM for value in thickness.interval95)
        return Estimate(
            system=self.bundle.system.name,
            status=_status(thickness, mistilt, scaled),
            thickness_nm=thickness.value / _ANGSTROM_PER_NM,
            thickness_std_nm=thickness.std / _ANGSTROM_PER_NM,
            thickness_interval95_nm=(low, high),
            tilt_x_mrad=None,
            tilt_y_mrad=None,
            tilt_std_mrad=None if mistilt is None else mistilt.std,
            mistilt_mrad=tilt,
            azimuth_deg=None,
            mrad_per_pixel=mrad_per_pixel or road.mrad_per_pixel(scaled.placement),
            scale=road.scale(scaled.placement),
            rotation_deg=None,
            center_row_px=road.disk.row,
            center_column_px=road.disk.column,
            residual=None,
            alternatives=tuple(
                Alternative(value / _ANGSTROM_PER_NM, tilt, share)
                for value, share in thickness.others
            ),
            thickness_distribution=ThicknessDistribution(
                tuple(float(v) / _ANGSTROM_PER_NM for v in thickness.values),
                tuple(map(float, thickness.probability)),
            ),
            warnings=self._warnings(scaled, mistilt, mrad_per_pixel, refine),
            provenance={
                "version": pacbed.__version__,
                "bundle": self.bundle.system.name,
                "bundle_sha256": self._digest,
                "method": "labels",
                "model": EARLIER if self._earlier else self.bundle.kind,
                "networks": {t: m.file for t, m in self.bundle.models.items()},
                "calibrated": False,
                "scale_looks": scaled.looks,
                "milliseconds": round((time.perf_counter() - started) * 1e3, 1),
            },
        )

    def _warnings(
        self,
        scaled: _Scaled,
        mistilt: LabelSummary | None,
        mrad_per_pixel: float | None,
        refine: bool,
    ) -> tuple[str, ...]:
        whose = "of the earlier system" if self._earlier else "that chooses labels"
        said = [
            f"a model {whose}: its error bars are the network's own, not calibrated, and that the "
            "crystal is the right one is not checked"
        ]
        if refine:
            said.append("no fit: the model has no table of simulated patterns to fit with")
        if mistilt is None:
            said.append("the mistilt is not known: the model was not trained for it")
        else:
            said.append("the direction of the mistilt is not known: the model does not give it")
        if "Scale" not in self._networks:
            said.append("no network for the scale: it was taken from the size of the disk"
                        if not self._earlier else
                        "no network for the scale: the pattern must show what the simulated "
                        "ones do")  # fmt: skip
        elif not scaled.settled:
            said.append("the scale did not come to rest: the pattern looks unlike those that the "
                        "network was trained on")  # fmt: skip
        if mrad_per_pixel is not None and self._earlier:
            said.append("the angle per pixel was not used: the network finds the scale itself")
        return tuple(said)


def _status(thickness: LabelSummary, mistilt: LabelSummary | None, scaled: _Scaled) -> Status:
    """A network that chooses among labels cannot tell a foreign pattern: never `mismatch`."""
    # Half of a distribution may lie beyond its last label; a mistilt of 0 is none beyond.
    tilted = mistilt is not None and (
        mistilt.at_upper_edge or (mistilt.at_lower_edge and mistilt.values[0] > 0)
    )
    if thickness.at_lower_edge or thickness.at_upper_edge or tilted:
        return "out_of_range"
    return "ok" if thickness.share >= _CLEAR and scaled.settled else "ambiguous"
