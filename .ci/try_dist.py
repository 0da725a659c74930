"""Install what `make dist` built into a clean environment, and try it.

    python .ci/try_dist.py dist [python3.12 …]

Nothing of the repository is on the path: the first command of the README answers a shipped example,
a known crystal is added and answers the pattern of the independent engine, the client can be
imported, and the source distributions build the same wheels. Other versions of Python that are
named get an environment each, and answer the same.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: As the README has it: no such file is there, and the one that comes with the program is taken.
EXAMPLE = "examples/sto-001-300kV_42nm.npy"
#: Thickness of the example, nm, and how far an answer may be off.
EXAMPLE_NM, EXAMPLE_OFF_NM = 41.98, 1.0
PAIR_OFF_NM = 0.5
#: What is installed and tried; the plug-ins, which bring whole programs, are by `make plugins`.
TRIED = ("pacbed_cnn", "pacbedclient")
BUILT = ["pacbed_cnn", "pacbed_napari", "pacbed_nionswift", "pacbedclient"]


def main(dist: Path, others: list[str]) -> None:
    """Try everything; ends with an error at the first thing that is wrong."""
    wheels = {path.name.split("-")[0]: path for path in dist.glob("*.whl")}
    sources = {path.name.split("-")[0]: path for path in dist.glob("*.tar.gz")}
    if sorted(wheels) != sorted(sources) or sorted(wheels) != BUILT:
        raise SystemExit(f"{dist}: has {sorted(wheels)} and {sorted(sources)}: run make dist")
    with tempfile.TemporaryDirectory(prefix="pacbed-dist-") as folder:
        home = Path(folder)
        tried = [wheels[name] for name in TRIED]
        for number, other in enumerate(others):
            print(f"with {other}:")
            at = home / f"other{number}"
            try_program(at, environment(at / "venv", tried, other))
        python = environment(home / "venv", tried, sys.executable)
        try_program(home, python)
        run(home, python, "-c", "import pacbedclient; print(pacbedclient.__version__)")
        for name, source in sources.items():
            compare(home, python, source, wheels[name])
    print("all of it works")


def environment(folder: Path, wheels: list[Path], interpreter: str) -> Path:
    """A clean environment with the wheels in it; its Python."""
    subprocess.run([interpreter, "-m", "venv", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", *wheels], check=True)
    return python


def run(home: Path, *command: object) -> str:
    """Run a command away from the repository, and give what it printed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    clean |= {"PACBED_CACHE": str(home / "cache"), "HOME": str(home)}
    done = subprocess.run(
        [str(part) for part in command], cwd=home, env=clean, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def try_program(home: Path, python: Path) -> None:
    """The README's first command, and a crystal that is added."""
    pacbed = python.with_name("pacbed")
    print(run(home, pacbed, "--version").strip())
    asked = ("--system", "sto-001-300kV", "--convergence", 20, "--json")
    answer = json.loads(run(home, pacbed, "infer", EXAMPLE, *asked))
    near("the shipped example", answer["thickness_nm"], EXAMPLE_NM, EXAMPLE_OFF_NM)
    pairs = json.loads((ROOT / "tests/data/known_crystals/pairs.json").read_text("utf-8"))
    plan = pairs["GaN"]["plan"]
    run(
        home, pacbed, "add", "GaN", "--zone-axis", plan["zone_axis"], "--high-tension",
        plan["high_tension_kV"], "--convergence-min", 13, "--convergence-max", 17,
        "--thickness-max", 40, "--mistilt-max", 3, "--name", "gan",
    )  # fmt: skip
    pattern = ROOT / "tests/data/known_crystals/GaN.npy"
    answer = json.loads(run(home, pacbed, "infer", pattern, "--system", "gan", "--json"))
    near("GaN by its name", answer["thickness_nm"], pairs["GaN"]["thickness_nm"], PAIR_OFF_NM)


def near(what: str, found: float, true: float, most: float) -> None:
    """Refuse an answer that is off by more."""
    print(f"{what}: {found:.2f} nm, true {true:.2f} nm")
    if abs(found - true) > most:
        raise SystemExit(f"{what} is answered wrongly")


def compare(home: Path, python: Path, source: Path, wheel: Path) -> None:
    """Build a wheel from the source distribution, and hold it against the one beside it."""
    made = home / source.name.removesuffix(".tar.gz")
    run(home, python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", made, source.resolve())
    (again,) = made.glob("*.whl")
    first, second = (contents(path) for path in (wheel, again))
    if first != second:
        raise SystemExit(f"{source.name} builds another wheel: {sorted(first ^ second)[:5]}")
    print(f"{source.name} builds {wheel.name}")


def contents(wheel: Path) -> set[tuple[str, int]]:
    """Name and checksum of everything in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {(member.filename, member.CRC) for member in archive.infolist()}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
