"""In which formats label networks come, and what each needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Extra:
    """An optional part of the installation.

    Attributes
    ----------
    name : str
        Of the extra.
    module : str
        What tells whether it is installed.
    words : str
        What to say where it is not.
    """

    name: str
    module: str
    words: str


_TFLITE = Extra(
    "tflite",
    "ai_edge_litert",
    "a .tflite model needs LiteRT: pip install 'pacbed-cnn[tflite]'",
)
_KERAS = Extra(
    "keras",
    "keras",
    "an .h5 model needs Keras: pip install 'pacbed-cnn[keras]', or turn it into ONNX once with "
    "pacbed convert, which needs it as well",
)

#: Endings that are known, the ones preferred first, and what each needs beside the base.
FORMATS: dict[str, Extra | None] = {".onnx": None, ".tflite": _TFLITE, ".h5": _KERAS}
