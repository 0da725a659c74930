"""Networks of the earlier system in ``.tflite`` form, run by LiteRT (extra ``tflite``)."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pacbed.errors import BundleError
from pacbed.infer.labels.networks import Locked, image_input, input_places


class LiteRtLabelNetwork(Locked):
    """A network in the format of TensorFlow Lite.

    Parameters
    ----------
    content : bytes
    threads : int
    """

    def __init__(self, content: bytes, threads: int) -> None:
        super().__init__()
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        inputs = self._interpreter.get_input_details()
        shapes: list[tuple[int | None, ...]] = [tuple(map(int, i["shape"])) for i in inputs]
        image, convergence = input_places(shapes)
        if any(i["dtype"] != np.float32 for i in inputs):
            raise BundleError("is quantised; a network with inputs in float32 is needed")
        self._image: Any = inputs[image]["index"]
        self._convergence: Any = inputs[convergence]["index"]
        self._output: Any = self._interpreter.get_output_details()[0]["index"]
        self.input = image_input(shapes[image])

    def probabilities(self, images: np.ndarray, convergence: np.ndarray) -> np.ndarray:
        """See :class:`~pacbed.infer.labels.networks.LabelNetwork`."""
        found = []
        with self._lock:
            # Exports have a batch of one: that always runs.
            for image, angle in zip(images, convergence, strict=True):
                self._interpreter.set_tensor(self._image, image[None])
                self._interpreter.set_tensor(self._convergence, angle[None])
                self._interpreter.invoke()
                found.append(self._interpreter.get_tensor(self._output)[0].copy())
        return np.array(found, float)
