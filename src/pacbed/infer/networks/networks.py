"""The two networks of a bundle, run by ONNX Runtime, with the frame that they see crystals in."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers, Patterns, Probabilities, Tilts, Vectors
from pacbed.errors import BundleError
from pacbed.library.models.bundle import Bundle
from pacbed.onnx_session import Session, open_session
from pacbed.pattern.crystal_frame import FRAME_SIZE, Pose, make_crystal_frame, to_crystal_frame
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE, normalise

#: Largest correction of the tilt that the reader is trained for, mrad.
_LARGEST_TILT_STEP_MRAD = 3.0


@dataclass(frozen=True)
class LocatorAnswer:
    """Where the crystal is in B frames.

    Attributes
    ----------
    tilt : ndarray, shape (B, 2)
        In the pattern, mrad.
    tilt_error : ndarray, shape (B,)
        Logarithm of the tilt's error in semi-angles.
    zoom : ndarray, shape (B,)
        The disk's radius over that of the disk which the frame was taken around.
    center : ndarray, shape (B, 2)
        Of the disk (x, y) from the frame's middle, semi-angles.
    rotation : ndarray, shape (B,)
        Of the crystal's x axis from +x towards +y of the pattern, rad, modulo the
        projection's rotations.
    """

    tilt: Tilts
    tilt_error: Numbers
    zoom: Numbers
    center: Vectors
    rotation: Numbers


@dataclass(frozen=True)
class ReaderAnswer:
    """Thickness of B patterns, and by how much the poses are off that they were read at.

    Attributes
    ----------
    probability : ndarray, shape (B, bins)
        Of the thickness bins.
    tilt : ndarray, shape (B, 2)
        Error of the tilt in the crystal's frame, mrad.
    tilt_error_mrad : ndarray, shape (B,)
        Width of the Laplace density of what is then left of the tilt's error, mrad.
    log_zoom : ndarray, shape (B,)
        Error of the logarithm of the zoom.
    center : ndarray, shape (B, 2)
        Error of the disk's centre (x, y) in the crystal's frame, mrad.
    rotation : ndarray, shape (B,)
        Error of the rotation, rad.
    """

    probability: Probabilities
    tilt: Tilts
    tilt_error_mrad: Numbers
    log_zoom: Numbers
    center: Vectors
    rotation: Numbers


class Networks:
    """Locator and reader of a bundle; may be shared by threads.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Threads of one call.

    Attributes
    ----------
    bins : ndarray, shape (bins,)
        Thicknesses of the distribution's bins, nm.
    order : int
        Of the projection's rotations: patterns look the same after a turn by 360°/order.
    frame : CrystalFrame
        In which the reader sees every pattern.

    Raises
    ------
    BundleError
        If a network cannot be loaded or expects other input.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        expected = {"size": INPUT_SIZE, "aperture_px": APERTURE_PX, "frame_size": FRAME_SIZE}
        if any(bundle.input.get(name) != value for name, value in expected.items()):
            raise BundleError(
                f"{bundle.folder}: expects another input size; train it with this version"
            )
        self._locator = _session(bundle, bundle.locator, threads)
        self._reader = _session(bundle, bundle.reader, threads)
        system = bundle.system
        self.bins = np.linspace(*system.thickness_nm, int(bundle.input["thickness_bins"]))
        self.order = int(bundle.input["rotation_order"])
        self.frame = make_crystal_frame(
            np.array(bundle.input["operations"], float),
            system.convergence_mrad[1],
            system.mistilt_mrad[1],
        )

    def locate(self, frames: Patterns, convergence_mrad: float) -> LocatorAnswer:
        """Where the crystal is in some frames.

        Parameters
        ----------
        frames : ndarray of float32, shape (B, INPUT_SIZE, INPUT_SIZE)
            Not normalised.
        convergence_mrad : float
        """
        feed = {
            "frames": normalise(frames)[:, None],
            "convergence_mrad": np.full(len(frames), convergence_mrad, np.float32),
        }
        # As pacbed.learn.network.Locator puts them together.
        x, y, error, log_zoom, *center, cosine, sine = self._locator.run(None, feed)[0].T.astype(
            float
        )
        return LocatorAnswer(
            np.stack([x, y], axis=1) * convergence_mrad,
            error,
            np.exp(log_zoom),
            np.stack(center, axis=1),
            np.arctan2(sine, cosine) / self.order,
        )

    def read(
        self, frames: Patterns, pose: Pose, convergence_mrad: float, known: Mask | None = None
    ) -> ReaderAnswer:
        """Thickness distributions, and errors of the pose.

        Parameters
        ----------
        frames : ndarray of float32, shape (B, INPUT_SIZE, INPUT_SIZE)
            Not normalised.
        pose : Pose
            Where the crystals are supposed to be in them.
        convergence_mrad : float
        known : ndarray of bool, shape of the frames, optional
            Which of their pixels were recorded; by default all.
        """
        angles = np.full(len(frames), convergence_mrad)
        values, folded, fold = to_crystal_frame(frames, self.frame, pose, angles, known)
        feed = {
            "values": values.astype(np.float32),
            "folded_mrad": folded.astype(np.float32),
            "convergence_mrad": angles.astype(np.float32),
        }
        logits, errors = self._reader.run(None, feed)
        weights = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(float))
        # As pacbed.learn.network.Reader puts them together, in the folded frame.
        *tilt, left, log_zoom, x, y, rotation = errors.T.astype(float)
        step = np.clip(np.stack(tilt), -_LARGEST_TILT_STEP_MRAD, _LARGEST_TILT_STEP_MRAD)
        return ReaderAnswer(
            weights / weights.sum(axis=1, keepdims=True),
            np.einsum("bij,jb->bi", fold, step),
            np.exp(np.clip(left, -5, 3)),
            log_zoom,
            np.einsum("bij,jb->bi", fold, np.stack([x, y])),
            rotation * np.linalg.det(fold),
        )


def _session(bundle: Bundle, network: bytes, threads: int) -> Session:
    try:
        return open_session(network, threads)
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise BundleError(
            f"{bundle.folder}: the network cannot be loaded ({type(error).__name__}); "
            "install the bundle again"
        ) from error
