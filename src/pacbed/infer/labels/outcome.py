"""From what label networks said to an answer, its status and its warnings."""

import time
from dataclasses import dataclass
from typing import Any

from pacbed.answer.estimate import Alternative, Basis, Estimate, Status, ThicknessDistribution
from pacbed.infer.judge.confidence import CLEAR
from pacbed.infer.known.given import Given
from pacbed.infer.labels.direction import DirectionSummary, Tilt, tilt_of
from pacbed.infer.labels.roads import Road, RoadKind
from pacbed.infer.labels.summary import LabelSummary
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.pattern.label_frame import Placement
from pacbed.pattern.recorded import CleanPattern
from pacbed.version import __version__

_ANGSTROM_PER_NM = 10.0
#: At the first or last label the thickness lies out of range from this probability on.
_AT_EDGE = 0.5
_RESTLESS = (
    "the scale did not come to rest: the pattern looks unlike those that the network was trained on"
)


@dataclass(frozen=True)
class Scaled:
    """Where the frame ended.

    Attributes
    ----------
    placement : Placement
    looks : int
        Of the scale network; 0 where it was not asked.
    settled : bool
        Whether it came to rest.
    """

    placement: Placement
    looks: int
    settled: bool


@dataclass(frozen=True)
class LabelContext:
    """What an answer needs beside what the networks said.

    Attributes
    ----------
    bundle : LabelBundle
    digest : str
        SHA-256 of its thickness network.
    way : RoadKind
    road : Road
    scaled : Scaled
    pattern : CleanPattern
    given : Given
    refine : bool
        Whether a fit was asked for.
    started : float
        Of :func:`time.perf_counter`.
    """

    bundle: LabelBundle
    digest: str
    way: RoadKind
    road: Road
    scaled: Scaled
    pattern: CleanPattern
    given: Given
    refine: bool
    started: float

    def provenance(self, method: str) -> dict[str, Any]:
        """Bundle, versions, hashes and times behind an answer."""
        return {
            "version": __version__,
            "bundle": self.bundle.system.name,
            "bundle_sha256": self.digest,
            "method": method,
            "model": self.bundle.kind,
            "networks": {target: m.file for target, m in self.bundle.models.items()},
            "calibrated": False,
            "scale_looks": self.scaled.looks,
            "milliseconds": round((time.perf_counter() - self.started) * 1e3, 1),
        }


def label_estimate(
    context: LabelContext,
    thickness: LabelSummary,
    mistilt: LabelSummary | None,
    direction: DirectionSummary | None = None,
) -> Estimate:
    """The networks' answer alone.

    Parameters
    ----------
    context : LabelContext
    thickness : LabelSummary
        Å.
    mistilt : LabelSummary or None
        mrad; None where no network says it.
    direction : DirectionSummary or None
        None where no network says it.

    Returns
    -------
    Estimate
    """
    road, placement = context.road, context.scaled.placement
    length = None if mistilt is None else mistilt.value
    tilt = tilt_of(mistilt, direction)
    low, high = (value / _ANGSTROM_PER_NM for value in thickness.interval95)
    return Estimate(
        system=context.bundle.system.name,
        status=label_status(thickness, mistilt, context.scaled.settled),
        thickness_nm=thickness.value / _ANGSTROM_PER_NM,
        thickness_std_nm=thickness.std / _ANGSTROM_PER_NM,
        thickness_interval95_nm=(low, high),
        tilt_x_mrad=tilt.x_mrad,
        tilt_y_mrad=tilt.y_mrad,
        tilt_std_mrad=tilt.std_mrad,
        mistilt_mrad=length,
        azimuth_deg=tilt.azimuth_deg,
        mrad_per_pixel=context.given.mrad_per_pixel or road.mrad_per_pixel(placement),
        scale=road.scale(placement),
        rotation_deg=None,
        center_row_px=float(road.disk.row),
        center_column_px=float(road.disk.column),
        residual=None,
        alternatives=tuple(
            Alternative(value / _ANGSTROM_PER_NM, length, share)
            for value, share in thickness.others
        ),
        thickness_distribution=ThicknessDistribution(
            tuple(float(v) / _ANGSTROM_PER_NM for v in thickness.values),
            tuple(map(float, thickness.probability)),
        ),
        warnings=(*context.given.remarks, *context.pattern.remarks, *_warnings(context, tilt)),
        provenance=context.provenance("labels"),
        pixels_left_out=context.pattern.left_out.count,
        basis=Basis(direction_asked=context.bundle.says_direction, known=context.pattern.known),
    )


def fit_warnings(context: LabelContext) -> tuple[str, ...]:
    """What is to be said of a fit that began with labels."""
    return () if context.scaled.settled else (_RESTLESS,)


def _warnings(context: LabelContext, tilt: Tilt) -> tuple[str, ...]:
    way = context.way
    said = [
        f"a model {way.networks}: its error bars are the network's own, not calibrated, and that "
        "the crystal is the right one is not checked"
    ]
    if context.refine and not context.bundle.has_table:
        said.append("no fit: the model has no table of simulated patterns to fit with")
    if tilt.words is not None:
        said.append(tilt.words)
    if "Scale" not in context.bundle.models:
        said.append(f"no network for the scale: {way.unscaled}")
    elif not context.scaled.settled:
        said.append(_RESTLESS)
    if context.given.mrad_per_pixel is not None and not way.takes_scale:
        said.append("the angle per pixel was not used: the network finds the scale itself")
    return tuple(said)


def label_status(thickness: LabelSummary, mistilt: LabelSummary | None, settled: bool) -> Status:
    """Status of an answer without a fit; nothing tells a foreign pattern, so never `mismatch`.

    Parameters
    ----------
    thickness : LabelSummary
    mistilt : LabelSummary or None
    settled : bool
        Whether the scale came to rest.

    Returns
    -------
    Status
    """
    # Half of a distribution may lie beyond its last label; a mistilt of 0 is none beyond.
    tilted = mistilt is not None and (
        mistilt.at_upper_edge or (mistilt.at_lower_edge and mistilt.values[0] > 0)
    )
    ended = thickness.at_lower_edge or thickness.at_upper_edge
    if (ended and thickness.share >= _AT_EDGE) or tilted:
        return "out_of_range"
    return "ok" if thickness.share >= CLEAR and settled else "ambiguous"
