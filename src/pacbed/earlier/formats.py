"""In which formats networks of the earlier system come, and what each needs."""

import importlib.util

from pacbed.errors import MissingExtraError

#: Endings that are known, the ones preferred first; what each needs beside the base, and what
#: to say where it is not installed.
FORMATS: dict[str, tuple[str, str] | None] = {
    ".onnx": None,
    ".tflite": (
        "ai_edge_litert", "a .tflite model needs LiteRT: pip install 'pacbed-cnn[tflite]'"
    ),
    ".h5": (
        "keras",
        "an .h5 model needs Keras: pip install 'pacbed-cnn[keras]', or turn it into ONNX once "
        "with pacbed convert, which needs it as well",
    ),
}  # fmt: skip


def check_extra(ending: str) -> None:
    """Raise a :class:`MissingExtraError` where what a format needs is not installed."""
    needed = FORMATS[ending]
    if needed is not None and importlib.util.find_spec(needed[0]) is None:
        raise MissingExtraError(needed[1])
