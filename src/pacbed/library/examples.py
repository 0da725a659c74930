"""Examples that come with the program, under the names that the documentation gives them."""

from pathlib import Path

#: In an installed package, and in a copy of the repository.
FOLDERS = (
    Path(__file__).resolve().parents[1] / "examples",
    Path(__file__).resolve().parents[3] / "examples",
)


def or_shipped(path: Path) -> Path:
    """The file, or the shipped example where ``examples/NAME`` is asked for and is not there.

    Parameters
    ----------
    path : Path
        As given on the command line.
    """
    if path.parent != Path("examples") or path.exists():
        return path
    return next((f / path.name for f in FOLDERS if (f / path.name).is_file()), path)
