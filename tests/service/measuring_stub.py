"""Measures nothing, and says what it would: for tests of what has error bars measured.

``python -m tests.service.measuring_stub FOLDER MEMORY_MIB MINUTES`` writes a calibration into the
model, waits as long as a file ``wait`` lies beside the jobs, and ends with 3 where its job asks.
"""

import json
import sys
import time
from pathlib import Path


def main(folder: Path) -> int:
    """Be done at once, or wait."""
    with (folder.parent / "begun").open("a", encoding="utf-8") as told:
        told.write(f"{folder.name}\n")
    while (folder.parent / "wait").exists():
        time.sleep(0.05)
    if (folder.parent / "fail").exists():
        return 3
    description = folder / "made" / "bundle.json"
    content = json.loads(description.read_bytes())
    content["calibration"] = {"thickness_floor_nm": 0.011, "calibrated": True}
    description.write_text(json.dumps(content), encoding="utf-8")
    (folder / "measured.json").write_text('{"runs": 4}', encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
