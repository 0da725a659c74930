"""Networks that choose among labels, whatever format they come in, behind one protocol."""

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from pacbed import optional
from pacbed.arrays import Probabilities, Singles
from pacbed.errors import BundleError, MissingExtraError
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.onnx_session import open_session

#: Probabilities may be off by rounding alone.
_TOLERANCE = 1e-2


class LabelNetwork(Protocol):
    """A network that says how likely each label is; may be shared by threads.

    Attributes
    ----------
    input : tuple of int
        Rows, columns and channels of its image.
    """

    input: tuple[int, int, int]

    def probabilities(self, images: Singles, convergence: Singles) -> Probabilities:
        """Probabilities of the labels.

        Parameters
        ----------
        images : ndarray of float32, shape (B, rows, columns, channels)
            −1 … 1.
        convergence : ndarray of float32, shape (B, 1)
            0 … 1 over the bundle's range.

        Returns
        -------
        ndarray of float, shape (B, labels)
        """
        ...


def open_network(
    bundle: LabelBundle, target: str, content: bytes, threads: int = 1
) -> LabelNetwork:
    """Load the network for a target.

    Parameters
    ----------
    bundle : LabelBundle
    target : str
        ``Thickness``, ``Mistilt``, ``Scale`` or ``Azimuth``.
    content : bytes
        What :meth:`~pacbed.library.models.label_bundle.LabelBundle.content` read.
    threads : int
        Threads of one call.

    Returns
    -------
    LabelNetwork

    Raises
    ------
    MissingExtraError
        If its format needs an extra that is not installed.
    BundleError
        If it cannot be loaded, or its inputs or outputs are not those expected.
    """
    model = bundle.models[target]
    place = bundle.folder / model.file
    network = _open(bundle, target, content, threads)
    if model.input is not None and model.input != network.input:
        raise BundleError(f"{place}: takes an image of {network.input}, its description says "
                          f"{model.input}; train it again")  # fmt: skip
    rows, columns, channels = network.input
    if rows != columns or channels not in (1, 3) or not 8 <= rows <= 1024:
        raise BundleError(
            f"{place}: takes an image of {rows} x {columns} pixels with {channels} channels; only "
            "square ones of 8 to 1024 pixels with 1 or 3 channels can be used"
        )
    # One call shows whether it runs at all, before anybody waits for an answer.
    ramp = np.linspace(-1, 1, rows * columns * channels, dtype=np.float32)
    found = network.probabilities(ramp.reshape(1, *network.input), np.full((1, 1), 0.5, np.float32))
    if found.shape != (1, len(model.labels.values)):
        raise BundleError(
            f"{place}: has {found.shape[-1]} outputs, but its table {len(model.labels.values)} "
            "labels; put the table that belongs to it beside it"
        )
    if not np.isfinite(found).all() or found.min() < -_TOLERANCE or (
        abs(float(found.sum()) - 1) > _TOLERANCE
    ):  # fmt: skip
        raise BundleError(f"{place}: its outputs are no probabilities; it must end in a softmax")
    return network


def _open(bundle: LabelBundle, target: str, content: bytes, threads: int) -> LabelNetwork:
    model = bundle.models[target]
    place = bundle.folder / model.file
    optional.load("answers")
    if model.format not in RUNTIMES:
        raise BundleError(f"{place}: is a network in a form that nothing here runs")
    try:
        return RUNTIMES[model.format](content, threads)
    except (BundleError, MissingExtraError) as error:
        raise type(error)(f"{place}: {error}") from error
    except Exception as error:  # the runtimes' own errors have no common base
        raise BundleError(
            f"{place}: the network cannot be loaded ({type(error).__name__}: "
            f"{_first_line(error)}); restore the file"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]


def input_places(shapes: list[tuple[int | None, ...]]) -> tuple[int, int]:
    """Positions of the image and of the convergence angle among a network's inputs.

    The earlier system's exports have them in either order: the image is the one with
    four dimensions.

    Raises
    ------
    BundleError
        If there are not these two.
    """
    ranks = [len(shape) for shape in shapes]
    if sorted(ranks) != [2, 4]:
        raise BundleError(
            f"takes inputs of the shapes {shapes}; an image (batch, rows, columns, channels) and "
            "a convergence angle (batch, 1) are needed"
        )
    return ranks.index(4), ranks.index(2)


def image_input(shape: tuple[int | None, ...]) -> tuple[int, int, int]:
    """Rows, columns and channels of an image input.

    Raises
    ------
    BundleError
        If they are not fixed.
    """
    rows, columns, channels = shape[1:]
    if not (isinstance(rows, int) and isinstance(columns, int) and isinstance(channels, int)):
        raise BundleError("takes images of any size; a network with a fixed size is needed")
    return rows, columns, channels


class OnnxLabelNetwork:
    """A network in ONNX, run by ONNX Runtime.

    Parameters
    ----------
    content : bytes
    threads : int
    """

    def __init__(self, content: bytes, threads: int) -> None:
        self._session = open_session(content, threads)
        inputs = self._session.get_inputs()
        shapes = [tuple(n if isinstance(n, int) else None for n in i.shape) for i in inputs]
        image, convergence = input_places(shapes)
        self._names = inputs[image].name, inputs[convergence].name
        self.input = image_input(shapes[image])

    def probabilities(self, images: Singles, convergence: Singles) -> Probabilities:
        """See :class:`LabelNetwork`."""
        feed = dict(zip(self._names, (images, convergence), strict=True))
        return np.asarray(self._session.run(None, feed)[0], float)


#: What runs the networks of a form, by the ending of their files: takes content and threads.
RUNTIMES: dict[str, Callable[[bytes, int], LabelNetwork]] = {".onnx": OnnxLabelNetwork}


class Locked:
    """Base of networks whose runtime may be used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
