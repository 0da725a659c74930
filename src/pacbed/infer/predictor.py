"""From a measured pattern to an Estimate, by the network alone."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

import pacbed
from pacbed.errors import BundleError, OutOfRangeError
from pacbed.infer.comparison import unexplained_share
from pacbed.infer.estimate import Alternative, Estimate, Status, ThicknessDistribution
from pacbed.library.bundle import Bundle
from pacbed.pattern.geometry import rotation_matrix
from pacbed.pattern.preprocess import (
    APERTURE_PX,
    INPUT_SIZE,
    ZOOM_RANGE,
    DiskLocation,
    clean,
    locate,
    normalise,
    to_input_frame,
)

#: Passes of locating by the network: each starts from the last one's scale and centre.
_PASSES = 3
#: First guesses of the scale around the located disk, for an unknown camera length.
_ZOOMS = (0.87, 1.0, 1.15)
#: Step of the orientations that are tried.
_TURN_STEP_DEG = 9.0
#: A second peak of the thickness distribution counts from this probability on.
_ALTERNATIVE = 0.1
#: Below this probability of the highest peak the thickness is called ambiguous.
_CLEAR_PEAK = 0.7
_PEAK_HALF_WIDTH = 3


class Predictor:
    """Infers with one bundle; may be shared by threads.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Threads of one inference.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        network = bundle.network
        try:
            self._session = onnxruntime.InferenceSession(
                network, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own errors have no common base
            raise BundleError(
                f"{bundle.folder}: the network cannot be loaded ({type(error).__name__}); "
                "install the bundle again"
            ) from error
        if bundle.input.get("size") != INPUT_SIZE or bundle.input["aperture_px"] != APERTURE_PX:
            raise BundleError(
                f"{bundle.folder}: expects another input size; train it with this version"
            )
        low, high = bundle.system.thickness_nm
        self._bins = np.linspace(low, high, int(bundle.input["thickness_bins"]))

    def infer(
        self,
        pattern: np.ndarray,
        convergence_mrad: float,
        mrad_per_pixel: float | None = None,
        with_residual: bool = False,
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
        with_residual : bool
            Compare with the simulated pattern at the result.

        Returns
        -------
        Estimate

        Raises
        ------
        PatternError
            If the array cannot be a pattern.
        OutOfRangeError
            If the convergence angle lies outside the bundle's range.
        """
        started = time.perf_counter()
        low, high = self.bundle.system.convergence_mrad
        if not low - 1e-6 <= convergence_mrad <= high + 1e-6:
            raise OutOfRangeError(
                f"convergence {convergence_mrad:g} mrad lies outside {low:g} to {high:g} mrad, "
                f"which the system {self.bundle.system.name} covers; use another bundle"
            )
        if mrad_per_pixel is not None and not (
            math.isfinite(mrad_per_pixel) and mrad_per_pixel > 0
        ):
            raise OutOfRangeError("mrad_per_pixel must be a positive number")
        data = clean(pattern)
        pose, probability, geometry = self._settle(data, convergence_mrad, mrad_per_pixel)
        return self._estimate(
            data, pose, probability, geometry, convergence_mrad, with_residual, started
        )

    def _run(self, frames: np.ndarray, convergence_mrad: float) -> tuple[np.ndarray, np.ndarray]:
        angles = np.full(len(frames), convergence_mrad, np.float32)
        logits, geometry = self._session.run(
            None, {"frames": normalise(frames)[:, None], "convergence_mrad": angles}
        )
        logits = logits - logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        return probability / probability.sum(axis=1, keepdims=True), geometry

    def _settle(
        self, data: np.ndarray, convergence_mrad: float, mrad_per_pixel: float | None
    ) -> tuple["_Pose", np.ndarray, np.ndarray]:
        """Let the network correct scale, centre and rotation until they stand still."""
        disk = locate(data)
        if mrad_per_pixel is not None:
            disk = DiskLocation(disk.row, disk.column, convergence_mrad / mrad_per_pixel)
            guesses = [disk]
        else:
            guesses = [DiskLocation(disk.row, disk.column, disk.radius * z) for z in _ZOOMS]
        frames = np.stack([to_input_frame(data, guess) for guess in guesses])
        _, geometry = self._run(frames, convergence_mrad)
        # The guess of which the network is surest about tilt and zoom.
        best = int(np.argmin(geometry[:, 2] + 0.5 * geometry[:, 8]))
        pose, geometry = _Pose(guesses[best], 0.0), geometry[best]
        order = int(self.bundle.input["rotation_order"])
        keep_scale = mrad_per_pixel is not None
        pose, geometry = self._turn(
            data, _corrected(pose, geometry, order, keep_scale), order, convergence_mrad
        )
        for _ in range(_PASSES - 1):
            pose = _corrected(pose, geometry, order, keep_scale)
            frame = to_input_frame(data, pose.disk, pose.rotation_deg)[None]
            answers, geometries = self._run(frame, convergence_mrad)
            answer, geometry = answers[0], geometries[0]
        return pose, answer, geometry

    def _turn(
        self, data: np.ndarray, pose: "_Pose", order: int, convergence_mrad: float
    ) -> tuple["_Pose", np.ndarray]:
        """Try all orientations; keep the one in which the network is surest of the tilt.

        A first pass reads the rotation less surely than scale and centre, and the
        later passes know the crystal upright only.
        """
        turn = 360.0 / order
        _, geometry = self._run(
            to_input_frame(data, pose.disk, pose.rotation_deg)[None], convergence_mrad
        )
        azimuth = math.degrees(math.atan2(float(geometry[0, 1]), float(geometry[0, 0])))
        azimuth += pose.rotation_deg
        count = max(1, round(turn / _TURN_STEP_DEG))
        tried = turn * np.arange(count) / count
        tried += turn * np.round((azimuth - tried) / turn)
        frames = np.stack([to_input_frame(data, pose.disk, angle) for angle in tried])
        _, geometries = self._run(frames, convergence_mrad)
        best = int(np.argmin(geometries[:, 2]))
        return _Pose(pose.disk, float(tried[best])), geometries[best]

    def _estimate(
        self,
        data: np.ndarray,
        pose: "_Pose",
        probability: np.ndarray,
        geometry: np.ndarray,
        convergence_mrad: float,
        with_residual: bool,
        started: float,
    ) -> Estimate:
        thickness, deviation, interval = _summary(self._bins, probability)
        disk = pose.disk
        tilt = rotation_matrix(pose.rotation_deg) @ geometry[:2].astype(float) * convergence_mrad
        mistilt = float(np.hypot(*tilt))
        mrad_per_pixel = convergence_mrad / disk.radius
        order = int(self.bundle.input["rotation_order"])
        rotation = _fold(pose.rotation_deg + _rotation(geometry, order), order)
        alternatives = _alternatives(self._bins, probability, mistilt)
        system = self.bundle.system
        warnings = [
            "the error bars are the network's own and are not calibrated against another engine",
            "that the crystal is the right one is not checked: look at the validation picture",
        ]
        status: Status = "ok"
        if mistilt > system.mistilt_mrad[1] * 1.05:
            status = "out_of_range"
        elif _share_of_peak(probability) < _CLEAR_PEAK:
            status = "ambiguous"
        residual = None
        estimate = Estimate(
            system=system.name,
            status=status,
            thickness_nm=thickness,
            thickness_std_nm=deviation,
            thickness_interval95_nm=interval,
            tilt_x_mrad=float(tilt[0]),
            tilt_y_mrad=float(tilt[1]),
            # The width of the network's Laplace density in two dimensions: a
            # component has √3 of it as standard deviation.
            tilt_std_mrad=float(np.exp(geometry[2]) * 3**0.5 * convergence_mrad),
            mistilt_mrad=mistilt,
            azimuth_deg=math.degrees(math.atan2(tilt[1], tilt[0])),
            mrad_per_pixel=mrad_per_pixel,
            scale=self._scale(data.shape, mrad_per_pixel, convergence_mrad),
            rotation_deg=rotation,
            center_row_px=disk.row,
            center_column_px=disk.column,
            residual=residual,
            alternatives=alternatives,
            thickness_distribution=ThicknessDistribution(
                tuple(map(float, self._bins)), tuple(map(float, probability))
            ),
            warnings=tuple(warnings),
            provenance={
                "version": pacbed.__version__,
                "bundle": system.name,
                "bundle_sha256": self.bundle.hashes["network.onnx"],
                "method": "network",
                "milliseconds": round((time.perf_counter() - started) * 1e3, 1),
            },
        )
        if with_residual and status != "out_of_range":
            share = unexplained_share(data, self.bundle.table, estimate, convergence_mrad)
            return _replace_residual(estimate, share)
        return estimate

    def _scale(
        self, shape: tuple[int, ...], mrad_per_pixel: float, convergence_mrad: float
    ) -> float:
        """Zoom that brings the recorded field to the simulated one."""
        recorded = min(shape) * mrad_per_pixel
        simulated = INPUT_SIZE * convergence_mrad / APERTURE_PX
        return float(recorded / simulated)


def _replace_residual(estimate: Estimate, residual: float) -> Estimate:
    values: dict[str, Any] = {**estimate.__dict__, "residual": residual}
    return Estimate(**values)


@dataclass(frozen=True)
class _Pose:
    """How the pattern is brought into the frame: its disk and the crystal's rotation."""

    disk: DiskLocation
    rotation_deg: float


def _rotation(geometry: np.ndarray, order: int) -> float:
    """Rotation that the network reads, degrees, −180/order … 180/order."""
    return math.degrees(math.atan2(float(geometry[7]), float(geometry[6]))) / order


def _fold(rotation_deg: float, order: int) -> float:
    """Rotation modulo the symmetry, degrees, −180/order … 180/order."""
    turn = 360.0 / order
    return (rotation_deg + turn / 2) % turn - turn / 2


def _corrected(pose: _Pose, geometry: np.ndarray, order: int, keep_scale: bool) -> _Pose:
    """Move, resize and turn as the network asks, within what it was trained for."""
    disk = pose.disk
    limit = 1.2 * math.log(ZOOM_RANGE)
    zoom = 1.0 if keep_scale else math.exp(float(np.clip(geometry[3], -limit, limit)))
    shift = np.clip(geometry[4:6].astype(float), -0.4, 0.4) * disk.radius
    shift = rotation_matrix(pose.rotation_deg) @ shift
    moved = DiskLocation(disk.row + shift[1], disk.column + shift[0], disk.radius * zoom)
    # Of the orientations that are equal by symmetry, show the one in which the tilt
    # points into the sector around +x: the network knows that one best.
    turn = 360.0 / order
    residual_rotation = _rotation(geometry, order)
    azimuth = math.degrees(math.atan2(float(geometry[1]), float(geometry[0])))
    sector = turn * round((azimuth - residual_rotation) / turn)
    return _Pose(moved, pose.rotation_deg + residual_rotation + sector)


def _near_peak(probability: np.ndarray) -> slice:
    peak = int(probability.argmax())
    return slice(max(0, peak - _PEAK_HALF_WIDTH), peak + _PEAK_HALF_WIDTH + 1)


def _share_of_peak(probability: np.ndarray) -> float:
    """Probability that the thickness lies in the highest peak."""
    return float(probability[_near_peak(probability)].sum())


def _summary(bins: np.ndarray, probability: np.ndarray) -> tuple[float, float, tuple[float, float]]:
    """Mean around the peak, standard deviation and 95 % interval of a distribution."""
    near = _near_peak(probability)
    thickness = float((probability[near] * bins[near]).sum() / probability[near].sum())
    deviation = float(np.sqrt((probability * (bins - thickness) ** 2).sum()))
    cumulative = np.concatenate([[0.0], np.cumsum(probability)])
    half = (bins[1] - bins[0]) / 2
    edges = np.concatenate([[bins[0] - half], bins + half])
    low, high = np.interp([0.025, 0.975], cumulative, edges)
    return thickness, deviation, (max(0.0, float(low)), float(high))


def _alternatives(
    bins: np.ndarray, probability: np.ndarray, mistilt: float
) -> tuple[Alternative, ...]:
    """Other peaks of the thickness distribution, the likelier first."""
    left = probability.copy()
    found = []
    for number in range(4):
        near = _near_peak(left)
        share = float(left[near].sum())
        if number > 0:
            if share < _ALTERNATIVE:
                break
            middle = float((left[near] * bins[near]).sum() / share)
            found.append(Alternative(middle, mistilt, share))
        left[near] = 0
    return tuple(found)
