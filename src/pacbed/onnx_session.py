"""The one place that opens ONNX Runtime: with a fixed number of threads, and silent.

What its published builds would send and keep is switched off in ``pacbed/__init__.py``,
before this import.
"""

import onnxruntime
from onnxruntime import InferenceSession as Session

__all__ = ["Session", "open_session"]

# On Windows the events go to the system's own log, whatever the environment says.
onnxruntime.disable_telemetry_events()


def open_session(network: bytes, threads: int = 0) -> Session:
    """Load a network in ONNX; what the runtime raises of a bad one has no common base.

    Parameters
    ----------
    network : bytes
    threads : int
        Threads of one call; 0 leaves the runtime's choice.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return Session(network, options, providers=["CPUExecutionProvider"])
