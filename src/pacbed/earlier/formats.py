"""In which formats networks of the earlier system come, and what each needs."""

import importlib.util
from dataclasses import dataclass

from pacbed.errors import MissingExtraError


@dataclass(frozen=True)
class Extra:
    """An optional part of the installation.

    Attributes
    ----------
    module : str
        What tells whether it is installed.
    words : str
        What to say where it is not.
    """

    module: str
    words: str


_TFLITE = Extra(
    "ai_edge_litert",
    "a .tflite model needs LiteRT: pip install 'pacbed-cnn[tflite]'",
)
_KERAS = Extra(
    "keras",
    "an .h5 model needs Keras: pip install 'pacbed-cnn[keras]', or turn it into ONNX once with "
    "pacbed convert, which needs it as well",
)

#: Endings that are known, the ones preferred first, and what each needs beside the base.
FORMATS: dict[str, Extra | None] = {".onnx": None, ".tflite": _TFLITE, ".h5": _KERAS}


def check_extra(ending: str) -> None:
    """Refuse a form of networks whose extra is not installed.

    Raises
    ------
    MissingExtraError
    """
    extra = FORMATS[ending]
    if extra is not None and importlib.util.find_spec(extra.module) is None:
        raise MissingExtraError(extra.words)
