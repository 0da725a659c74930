"""Another revision of the project beside the working tree, for benchmarks that compare the two."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def revision(name: str) -> Iterator[Path]:
    """A copy of the project as it was at a revision, gone afterwards.

    It is unpacked from ``git archive``: an interrupted run leaves nothing behind in the
    repository.
    """
    found = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", name], check=False, capture_output=True
    )
    if found.returncode:
        raise SystemExit(f"--before {name}: {found.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="pacbed-before-") as folder:
        with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def start(root: Path, arguments: list[str], **options) -> subprocess.Popen:
    """Start Python with the project of a folder, on one thread, away from any data folder."""
    paths = [str(root / "src"), str(root / "client" / "src")]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    environment.pop("PACBED_DATA", None)
    return subprocess.Popen([sys.executable, *arguments], env=environment, **options)


def pacbed(*arguments: str) -> list[str]:
    """Arguments of Python that run the command line."""
    return ["-c", "from pacbed.cli import main; main()", *arguments]
