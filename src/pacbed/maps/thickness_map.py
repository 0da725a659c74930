"""The map of a scan: thickness, mistilt, errors and status of every window."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pacbed.arrays import Angles, Codes, Indices, Mask, Numbers, Pixels, Tilts
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.library.models.bundle import LOCATOR, READER
from pacbed.library.models.kinds import Model
from pacbed.library.models.model_files import TABLE
from pacbed.maps.fields import MapField, fields_of
from pacbed.maps.layers import AMBIGUOUS, NO_DATA, STATUS_NAMES, Layers
from pacbed.maps.options import MapOptions, scan_step_nm
from pacbed.maps.settle import settle, take
from pacbed.scans.orientation import ScanOrientation
from pacbed.scans.scan import Scan
from pacbed.scans.windows import WindowGrid
from pacbed.version import __version__


@dataclass(frozen=True)
class ThicknessMap:
    """Maps of a scan, one entry for each window: arrays of shape (rows, columns).

    Signs are those of :class:`pacbed.answer.estimate.Estimate`: tilt (x, y) is the position
    of the zone axis in the pattern, seen from the centre of the bright-field disk.

    Attributes
    ----------
    system : str
    thickness_nm, thickness_std_nm : ndarray
        NaN where there is no answer.
    tilt_x_mrad, tilt_y_mrad, tilt_std_mrad : ndarray
    residual : ndarray
        Share of the pattern's variance that the fit leaves; NaN without a fit.
    status : ndarray of uint8
        Place in ``STATUS_NAMES``: ok, ambiguous, mismatch, out_of_range, no_data, settled.
        Settled windows had several solutions, and their neighbours chose.
    jump : ndarray of bool
        Windows that stand alone against their neighbours: do not trust them.
    tilt_joined : ndarray of bool
        Windows whose own tilt was open and was drawn to that of their neighbours.
    tilt_alone_mrad, thickness_alone_nm : ndarray
        What the window alone would have given; the tilt has the shape (rows, columns, 2).
    network_thickness_nm : ndarray
        What the networks read; NaN where there are none.
    frames, bad_frames : ndarray of int
        Frames in the window's mean, and frames left out for a NaN in them.
    center_shift_px : ndarray, shape (rows, columns, 2)
        The disk's centre (x, y) beside the scan's drift, in square pixels; NaN without a fit.
    alternatives : dict of ndarray
        Every solution of each window, see :mod:`pacbed.maps.layers`.
    position_nm : tuple of ndarray or None
        Middle of the windows along rows and columns, nm; None where the step is not known.
    position_px : tuple of ndarray
        The same in scan positions.
    geometry : SharedGeometry
    warnings : tuple of str
    settings, provenance : dict
    mask : ndarray of bool or None
        True where a scan position was used; None where all were.
    detector_mask : ndarray of bool or None
        True where a pixel of the detector said nothing: as given, as the file lists, or found;
        None where all said something. Its shape is that of the detector.
    orientation : ScanOrientation or None
        How the scan's axes lie in the patterns, as given or as the file says; None where that is
        not known.
    """

    system: str
    thickness_nm: Numbers
    thickness_std_nm: Numbers
    tilt_x_mrad: Angles
    tilt_y_mrad: Angles
    tilt_std_mrad: Angles
    residual: Numbers
    status: Codes
    jump: Mask
    tilt_joined: Mask
    tilt_alone_mrad: Tilts
    thickness_alone_nm: Numbers
    network_thickness_nm: Numbers
    frames: Indices
    bad_frames: Indices
    center_shift_px: Pixels
    alternatives: Layers
    position_px: tuple[Numbers, Numbers]
    position_nm: tuple[Numbers, Numbers] | None
    geometry: SharedGeometry
    warnings: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    mask: Mask | None = None
    detector_mask: Mask | None = None
    orientation: ScanOrientation | None = None

    @property
    def pixels_left_out(self) -> int:
        """How many pixels of the detector said nothing."""
        return 0 if self.detector_mask is None else int(self.detector_mask.sum())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        rows, columns = self.status.shape
        return rows, columns

    @property
    def mistilt_mrad(self) -> Angles:
        """Length of the tilt vector, mrad."""
        return np.hypot(self.tilt_x_mrad, self.tilt_y_mrad)

    @property
    def azimuth_deg(self) -> Angles:
        """Direction of the tilt vector from +x towards +y, degrees."""
        return np.degrees(np.arctan2(self.tilt_y_mrad, self.tilt_x_mrad))

    @property
    def tilt_in_scan_mrad(self) -> Tilts:
        """Tilt (x, y) along the scan's columns and rows, shape (rows, columns, 2).

        NaN where it is not known how the scan's axes lie in the patterns.
        """
        tilt = np.stack([self.tilt_x_mrad, self.tilt_y_mrad], axis=-1)
        if self.orientation is None:
            return np.full_like(tilt, np.nan)
        return self.orientation.in_scan(tilt)

    @property
    def scan_tilt_x_mrad(self) -> Angles:
        """Tilt along the scan's columns; NaN where its axes are not known."""
        return self.tilt_in_scan_mrad[..., 0]

    @property
    def scan_tilt_y_mrad(self) -> Angles:
        """Tilt along the scan's rows; NaN where its axes are not known."""
        return self.tilt_in_scan_mrad[..., 1]

    @property
    def fields(self) -> tuple[MapField, ...]:
        """The maps that there are: those in the scan's axes only where these are known."""
        return fields_of(self.orientation is not None)

    @property
    def settled(self) -> Mask:
        """Where the neighbours chose among a window's solutions."""
        settled: Mask = self.status == STATUS_NAMES.index("settled")
        return settled

    def counts(self) -> dict[str, int]:
        """How many windows have each status, and how many jump."""
        found = {name: int((self.status == code).sum()) for code, name in enumerate(STATUS_NAMES)}
        return {name: count for name, count in found.items() if count} | {
            "jump": int(self.jump.sum())
        }


def finish_map(
    layers: Layers,
    grid: WindowGrid,
    geometry: SharedGeometry,
    bundle: Model,
    options: MapOptions,
    scan: Scan,
    warnings: tuple[str, ...] = (),
) -> ThicknessMap:
    """From raw answers to the map: settle, mark and describe.

    Parameters
    ----------
    layers : dict of ndarray
        Raw answers of all windows, see :mod:`pacbed.maps.layers`.
    grid : WindowGrid
    geometry : SharedGeometry
    bundle : Model
    options : MapOptions
    scan : Scan
        With all pixels that said nothing.
    warnings : tuple of str
    """
    settled = settle(layers)
    status = settled.status
    if not options.refine:
        # Networks alone give one solution: there is nothing to choose among.
        status = layers["status"].copy()
    chosen = settled.chosen
    tilt, tilt_std, joined = settled.tilt_mrad, settled.tilt_std_mrad, settled.tilt_joined
    if not options.refine:
        tilt, tilt_std = take(layers["tilt_mrad"], chosen), take(layers["tilt_std_mrad"], chosen)
        joined = np.zeros_like(joined)
    pixels, position = _positions(grid, scan_step_nm(scan, options))
    return ThicknessMap(
        system=bundle.system.name,
        thickness_nm=take(layers["thickness_nm"], chosen),
        thickness_std_nm=take(layers["thickness_std_nm"], chosen),
        tilt_x_mrad=tilt[..., 0],
        tilt_y_mrad=tilt[..., 1],
        tilt_std_mrad=tilt_std,
        tilt_joined=joined,
        residual=take(layers["residual"], chosen),
        status=status,
        jump=settled.jump,
        tilt_alone_mrad=layers["tilt_mrad"][..., 0, :],
        thickness_alone_nm=layers["thickness_nm"][..., 0],
        network_thickness_nm=layers["network_thickness_nm"],
        frames=layers["frames"],
        bad_frames=layers["bad_frames"],
        center_shift_px=layers["shift_px"],
        alternatives=layers,
        position_px=pixels,
        position_nm=position,
        geometry=geometry,
        warnings=(*warnings, *_warnings(status, settled.jump, layers, bundle)),
        settings={
            **options.settings(),
            "window": list(grid.window),
            "stride": list(grid.stride),
            "region": list(grid.region),
        },
        provenance=_provenance(bundle, options, scan.name),
        mask=grid.mask,
        detector_mask=scan.pixel_mask,
        orientation=options.orientation or scan.orientation,
    )


def _positions(
    grid: WindowGrid, step_nm: tuple[float, float] | None
) -> tuple[tuple[Numbers, Numbers], tuple[Numbers, Numbers] | None]:
    """Middles of the windows in scan positions, and in nm where the step is known."""
    rows, columns = grid.centers()
    pixels = (rows[:, 0], columns[0])
    if step_nm is None:
        return pixels, None
    return pixels, (pixels[0] * step_nm[0], pixels[1] * step_nm[1])


def _provenance(bundle: Model, options: MapOptions, source: str) -> dict[str, Any]:
    """What a map was made with."""
    parts = [name for name in (LOCATOR, READER, TABLE) if name in bundle.hashes]
    return {
        "version": __version__,
        "bundle": bundle.system.name,
        "bundle_sha256": {name: bundle.hashes[name] for name in parts},
        "method": "fit" if options.refine else "network",
        "source": source,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _warnings(status: Codes, jump: Mask, layers: Layers, bundle: Model) -> tuple[str, ...]:
    found = []
    answered = status != NO_DATA
    total = max(int(answered.sum()), 1)
    wrong = int(np.isin(status, (2, 3)).sum())
    if wrong > 0.05 * total:
        found.append(f"{wrong} of {total} windows are not of {bundle.system.name} or beyond it")
    if (open_count := int((status == AMBIGUOUS).sum())) > 0.05 * total:
        found.append(f"{open_count} of {total} windows allow several thicknesses")
    if jump.any():
        found.append(f"{int(jump.sum())} windows stand alone against their neighbours")
    if bad := int((layers["bad_frames"] > 0).sum()):
        found.append(f"{bad} windows have frames with NaN, which were left out")
    if not bundle.calibration.get("calibrated"):
        found.append("the error bars of this bundle have not been calibrated")
    return tuple(found)
