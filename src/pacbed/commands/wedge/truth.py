"""What a simulated wedge is at each position, beside its scan."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pacbed.scans.wedge import WedgeTruth


def write_truth(output: Path, truth: "WedgeTruth") -> None:
    """Write what a wedge is at each position beside its scan."""
    import numpy as np

    from pacbed.files import write_atomically

    arrays: dict[str, np.ndarray] = vars(truth)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(output.with_name(f"{output.stem}-truth.npz"), buffer.getvalue())
