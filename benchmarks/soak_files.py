"""Files that are dropped into the data folder of a service while it runs."""

import json
import shutil
import time
from pathlib import Path

import pacbed

#: The system that good models are of: another one than is asked for, so that it is loaded
#: for its own requests alone, and one that is asked for, so that it is replaced at work.
NAMES = ("sto-001-200kV", "sto-001-300kV")
#: Numbers of systems that exist in broken folders alone.
BROKEN = 900


def drop_good(data, turn):
    """Put a model of a system into its place, as a training does: the description last."""
    name = NAMES[turn % len(NAMES)]
    source = Path(pacbed.__file__).parent / "library" / "bundles" / name
    number = json.loads((source / "bundle.json").read_bytes())["system"]["id"]
    models = data / str(number) / "models"
    folder = models / f"dropped-{turn}"
    folder.mkdir(parents=True)
    for path in sorted(source.iterdir(), key=lambda path: path.name == "bundle.json"):
        shutil.copyfile(path, folder / path.name)
    for older in sorted(models.iterdir(), key=lambda path: int(path.name.split("-")[1]))[:-1]:
        shutil.rmtree(older)


def drop_broken(data, turn):
    """Put something broken where a model is looked for, and take the one before away."""
    for older in data.glob(f"{BROKEN // 100}[0-9][0-9]"):
        shutil.rmtree(older)
    folder = data / str(BROKEN + turn % 100) / "models" / "broken"
    folder.mkdir(parents=True)
    source = Path(pacbed.__file__).parent / "library" / "bundles" / NAMES[0]
    description = (source / "bundle.json").read_bytes()
    kinds = broken_descriptions(description)
    (folder / "bundle.json").write_bytes(kinds[turn % len(kinds)])
    if turn % 2:
        (folder / "reader.onnx").write_bytes(b"\0" * 1000)


def broken_descriptions(description):
    """What may stand in the place of a model's description: cut off, deep, no text, true."""
    return [
        description[: len(description) // 2],
        b"[" * 100_000,
        b'{"system": ' + b'{"a":' * 50_000,
        bytes(range(256)) * 100,
        description,  # whose other files are not there
    ]


def run_files(data, over, pause_seconds):
    """Drop good and broken ones in turn."""
    turn = 0
    while time.monotonic() < over:
        drop_broken(data, turn)
        if turn % 3 == 0:
            drop_good(data, turn // 3)
        turn += 1
        time.sleep(max(0.0, min(pause_seconds, over - time.monotonic())))
