"""The two networks of a bundle, run by ONNX Runtime."""

import numpy as np

from pacbed.errors import BundleError
from pacbed.library.bundle import Bundle
from pacbed.onnx_session import Session, open_session
from pacbed.pattern.crystal_frame import FRAME_SIZE
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE, normalise


class Networks:
    """Locator and reader of a bundle; may be shared by threads.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Threads of one call.

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
        low, high = bundle.system.thickness_nm
        #: Thicknesses of the distribution's bins, nm.
        self.bins = np.linspace(low, high, int(bundle.input["thickness_bins"]))

    def locate(self, frames: np.ndarray, convergence_mrad: np.ndarray) -> np.ndarray:
        """Where the crystal is in some frames.

        Parameters
        ----------
        frames : ndarray of float32, shape (B, INPUT_SIZE, INPUT_SIZE)
            Not normalised.
        convergence_mrad : ndarray, shape (B,)

        Returns
        -------
        ndarray, shape (B, 8)
            See :class:`pacbed.learn.network.Locator`.
        """
        feed = {
            "frames": normalise(frames)[:, None],
            "convergence_mrad": convergence_mrad.astype(np.float32),
        }
        return np.asarray(self._locator.run(None, feed)[0], float)

    def read(
        self, values: np.ndarray, folded_mrad: np.ndarray, convergence_mrad: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Thickness distributions, and errors of the pose.

        Parameters
        ----------
        values : ndarray of float32, shape (B, FRAME_SIZE²)
            From :func:`pacbed.pattern.crystal_frame.to_crystal_frame`.
        folded_mrad : ndarray, shape (B, 2)
        convergence_mrad : ndarray, shape (B,)

        Returns
        -------
        probability : ndarray, shape (B, bins)
        errors : ndarray, shape (B, 7)
            See :class:`pacbed.learn.network.Reader`.
        """
        feed = {
            "values": values.astype(np.float32),
            "folded_mrad": folded_mrad.astype(np.float32),
            "convergence_mrad": convergence_mrad.astype(np.float32),
        }
        logits, errors = self._reader.run(None, feed)
        logits = logits - logits.max(axis=1, keepdims=True)
        probability = np.exp(logits.astype(float))
        return probability / probability.sum(axis=1, keepdims=True), errors.astype(float)


def _session(bundle: Bundle, network: bytes, threads: int) -> Session:
    try:
        return open_session(network, threads)
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise BundleError(
            f"{bundle.folder}: the network cannot be loaded ({type(error).__name__}); "
            "install the bundle again"
        ) from error
