"""Commands in a script: run as they would be typed, in a folder of their own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
#: Removed when Python ends.
_FOLDER = tempfile.TemporaryDirectory(prefix="pacbed-tutorial-")
#: Where commands are run; it holds the shipped patterns in `examples`.
HERE = Path(_FOLDER.name)
_PROGRESS = re.compile(r": \d+ %, about .* left$")
shutil.copytree(_EXAMPLES, HERE / "examples")


def shell(line):
    """Run a command of the program, and print what it says."""
    words = shlex.split(line)
    program = Path(sys.executable).with_name(words[0])
    # Tables of own crystals are made anew, and no data folder of the user's is looked through.
    surroundings = {**os.environ, "COLUMNS": "96", "PACBED_CACHE": str(HERE / "cache")}
    surroundings.pop("PACBED_DATA", None)
    done = subprocess.run(
        [program, *words[1:]],
        cwd=HERE, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    # Without the lines of progress, and with the folder as it would be named inside of it.
    rows = [row for row in done.stdout.splitlines() if not _PROGRESS.search(row)]
    print("\n".join(rows).replace(str(HERE), "."))
    if done.returncode:
        raise RuntimeError(f"{line.strip()}: ended with status {done.returncode}")


def show(name, width=9.0):
    """Show a picture that a command wrote."""
    picture = plt.imread(HERE / name)
    rows, columns = picture.shape[:2]
    axes = plt.figure(figsize=(width, width * rows / columns)).add_axes((0, 0, 1, 1))
    axes.imshow(picture)
    axes.set_axis_off()


def show_patterns(patterns, titles):
    """Show patterns side by side."""
    figure, every = plt.subplots(1, len(patterns), figsize=(2.6 * len(patterns), 2.9))
    for axes, pattern, title in zip(every, patterns, titles, strict=True):
        axes.imshow(pattern, cmap="inferno")
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    figure.tight_layout()


class Drawing:
    """A vector graphic that a command wrote, as a page shows it."""

    def __init__(self, name):
        self._text = (HERE / name).read_text(encoding="utf-8")

    def _repr_html_(self):
        return self._text[self._text.index("<svg") :]
