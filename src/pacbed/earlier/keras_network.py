"""Networks of the earlier system in ``.h5`` form, run by Keras 3 (extra ``keras``)."""

import numpy as np

from pacbed.earlier.keras_h5 import load_h5
from pacbed.infer.labels.networks import Locked, image_input, input_places


class KerasLabelNetwork(Locked):
    """A network that Keras saved as ``.h5``.

    Parameters
    ----------
    content : bytes
    """

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._model = load_h5(content)
        shapes = [tuple(tensor.shape) for tensor in self._model.inputs]
        image, _ = input_places(shapes)
        self._image_first = image == 0
        self.input = image_input(shapes[image])

    def probabilities(self, images: np.ndarray, convergence: np.ndarray) -> np.ndarray:
        """See :class:`~pacbed.infer.labels.networks.LabelNetwork`."""
        inputs = [images, convergence]
        if not self._image_first:
            inputs.reverse()
        with self._lock:
            found = self._model(inputs, training=False)
            return np.asarray(found.detach().cpu().numpy(), float)
