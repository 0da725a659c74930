"""``pacbed simulate --data``: a registered system, its table and its patterns."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pacbed.crystal.structure import Crystal
from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes.registration import register_recipe
from pacbed.library.recipe import load_recipe
from pacbed.library.register.rows import read_register
from pacbed.library.tables import pattern_files
from pacbed.library.tables.pattern_files import COLUMNS, write_patterns
from pacbed.library.tables.pattern_grid import PatternGrid, Steps
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.readers import read_pattern
from tests.cli_tools import RECIPE, SYSTEM, fail, run, succeed

IMAGES = ("--images", "--thickness", "2:10:4", "--mistilt", "0:1:1", "--azimuth", "0:90:45",
          "--convergence", "8:10:2", "--size", "32")  # fmt: skip


@pytest.fixture(autouse=True)
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("recipe.toml")
    path.write_text(RECIPE, encoding="utf-8")
    return path


def _listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "df.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert all((folder / row["Path"]).is_file() for row in rows)
    return rows


def test_a_system_is_registered_with_table_crystal_and_recipe(recipe):
    words = succeed("simulate", recipe, "--data", "data")
    assert words.startswith("42 recipe-001-200kV\n")
    assert "new row" in words
    (row,) = read_register(Path("data"))
    assert (row.id, row.path, row.material) == (42, "data/42", "Strontium titanate")
    assert (row.composition, row.zone_axis, row.high_tension_kV) == ("SrTiO3", (0, 0, 1), 200)
    assert (row.thickness_angstrom, row.convergence_max_mrad, row.dim) == (100, 10, None)
    home = Path("data/42")
    table = LacbedTable.load(home / "simulation" / "lacbed.npz")
    assert table.geometry.convergence_max_mrad == 10
    stored, given = load_recipe(home / "recipe.toml"), load_recipe(recipe)
    assert (stored.system, stored.table, stored.training) == (
        given.system, given.table, given.training,
    )  # fmt: skip
    for name in ("cell", "positions", "occupancies", "b_iso"):
        np.testing.assert_allclose(getattr(stored.crystal, name), getattr(given.crystal, name))

    # Again, or from the stored recipe, it is the same system.
    stamp = (home / "simulation" / "lacbed.npz").stat().st_mtime_ns
    for again in (recipe, home / "recipe.toml"):
        assert "registered already" in succeed("simulate", again, "--data", "data")
    assert len(read_register(Path("data"))) == 1
    assert (home / "simulation" / "lacbed.npz").stat().st_mtime_ns == stamp


def test_a_number_or_name_that_is_taken(recipe):
    register_recipe(Path("data"), load_recipe(recipe))
    text = RECIPE.replace("thickness_nm = [1.0, 10.0]", "thickness_nm = [1.0, 9.0]")
    recipe.write_text(text, encoding="utf-8")
    line = fail("simulate", recipe, "--data", "data")
    assert "recipe-001-200kV" in line
    assert "pacbed systems remove 42" in line
    recipe.write_text(text.replace("recipe-001", "other-001"), encoding="utf-8")
    result = run("simulate", recipe, "--data", "data")
    assert result.exit_code == 0
    assert "The number 42 is taken: the system is 43." in result.stderr
    assert load_recipe(Path("data/43/recipe.toml")).system.id == 43


def test_the_number_of_a_shipped_system_is_kept_by_the_same_system_alone(recipe):
    # 2 is SrTiO3 at 200 kV.
    recipe.write_text(RECIPE.replace("id = 42", "id = 2"), encoding="utf-8")
    assert register_recipe(Path("same"), load_recipe(recipe)).recipe.system.id == 2
    recipe.write_text(RECIPE.replace("id = 42", "id = 3"), encoding="utf-8")
    assert register_recipe(Path("other"), load_recipe(recipe)).recipe.system.id == 4


def test_patterns_are_those_of_the_synthesis(recipe):
    words = succeed("simulate", recipe, "--data", "data", *IMAGES)
    # Three thicknesses, two angles, the axis itself and three azimuths.
    assert "24 in simulation/df.csv, 24 of them made now" in words
    folder = Path("data/42/simulation")
    rows = _listed(folder)
    assert len(rows) == 24
    assert tuple(rows[0]) == COLUMNS
    assert {row["Thickness"] for row in rows} == {"20", "60", "100"}
    assert {(row["Mistilt"], row["Azimuth"]) for row in rows} == {
        ("0", "0"), ("1", "0"), ("1", "45"), ("1", "90"),
    }  # fmt: skip
    table = LacbedTable.load(folder / "lacbed.npz")
    row = rows[-1]
    assert row["Path"] == "Tilt_1mrad_Azimuth_90deg_Conv_10mrad/0100_Angstrom.tif"
    assert (row["Electron_Energy"], row["Direction"]) == ("200", "[001]")
    expected = synthesise(
        table,
        PatternParameters(10.0, 0.0, 1.0, 10.0, 2 * 1.75 * 10 / 32),
        (32, 32),
    )
    picture = tifffile.imread(folder / row["Path"])
    assert picture.dtype == np.float32
    np.testing.assert_allclose(picture, np.maximum(expected, 0), atol=2e-6 * expected.max())
    measurement = read_pattern(folder / row["Path"])
    assert measurement.metadata.mrad_per_pixel == pytest.approx(2 * 1.75 * 10 / 32)
    (register,) = read_register(Path("data"))
    assert (register.dim, register.thickness_step_angstrom) == (32, 40)
    assert (register.convergence_step_mrad, register.azimuth_max_deg) == (2, 90)


def test_an_interrupted_run_lists_what_is_there_and_goes_on(recipe, monkeypatch):
    succeed("simulate", recipe, "--data", "data")
    folder = Path("data/42/simulation")
    write = pattern_files.write_atomically
    steps = iter(range(100))

    def stops(path, content, **named):
        if path.suffix == ".tif" and next(steps) == 11:
            raise KeyboardInterrupt
        write(path, content, **named)

    with monkeypatch.context() as patch:
        patch.setattr(pattern_files, "write_atomically", stops)
        assert run("simulate", recipe, "--data", "data", *IMAGES).exit_code != 0
    assert len(_listed(folder)) == 9
    assert ", 13 of them made now" in succeed("simulate", recipe, "--data", "data", *IMAGES)
    assert len(_listed(folder)) == 24

    other = [*IMAGES[:2], "4:8:4", *IMAGES[3:]]
    result = run("simulate", recipe, "--data", "data", *other)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr.splitlines()[-1]
    assert len(_listed(folder)) == 24


def test_overwriting_removes_patterns_and_nothing_else(recipe):
    succeed("simulate", recipe, "--data", "data", *IMAGES)
    folder = Path("data/42/simulation")
    place = folder / "Tilt_0mrad_Azimuth_0deg_Conv_8mrad"
    (place / "mine.txt").write_text("x")
    other = [*IMAGES[:2], "4:8:4", *IMAGES[3:], "--overwrite"]
    succeed("simulate", recipe, "--data", "data", *other)
    assert len(_listed(folder)) == len(list(folder.glob("Tilt_*/*.tif"))) == 16
    assert (place / "mine.txt").is_file()


def test_no_space_is_told_before(small_table, tmp_path, monkeypatch):
    grid = PatternGrid(
        Steps(2, 30, 2), Steps(0, 3, 1), Steps(0, 0, 0), Steps(10, 10, 0), size=128, field=1.75
    )
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=grid.bytes - 1))
    with pytest.raises(Exception, match="are free"):
        write_patterns(tmp_path, small_table, SYSTEM, grid)
    assert not list(tmp_path.glob("Tilt_*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--images",), "--data DIR"),
        (("--thickness", "2:10:1"), "--data DIR"),
        (("--data", "data", "-o", "x.npz"), "exclude"),
        (("--data", "nowhere/data"), "nowhere"),
        (("--data", "recipe.toml"), "recipe.toml"),
        (("--data", "data", "--images", "--thickness", "10:2:1"), "--thickness"),
        (("--data", "data", "--images", "--thickness", "thick"), "--thickness"),
        (("--data", "data", "--images", "--thickness", "2:10"), "--thickness"),
        (("--data", "data", "--images", "--thickness", "2:10:0"), "step above 0"),
        (("--data", "data", "--images", "--thickness", "2:10:1e-9"), "too many"),
        (("--data", "data", "--images", "--thickness", "2:20:1"), "covers 10"),
        (("--data", "data", "--images", "--mistilt", "0:nan:1"), "--mistilt"),
        (("--data", "data", "--images", "--mistilt", "5"), "covers 1"),
        (("--data", "data", "--images", "--convergence", "0:10:5"), "--convergence"),
        (("--data", "data", "--images", "--field", "99"), "field"),
    ],
)
def test_senseless_options(recipe, options, words):
    line = fail("simulate", recipe, *options)
    assert words in line
    assert sorted(path.name for path in Path().iterdir()) == ["recipe.toml"]


def test_more_memory_than_there_is_is_refused_before(recipe, monkeypatch):
    monkeypatch.setattr("pacbed.lacbed.cost.machine_memory_bytes", lambda: 1000)
    line = fail("simulate", recipe, "--data", "data")
    assert "memory" in line
    assert "give a smaller largest convergence_mrad" in line
    assert not Path("data").exists()


def test_a_crystal_survives_its_cif(recipe):
    from pacbed.crystal.cif import crystal_to_cif, read_cif
    from pacbed.crystal.structure import lattice_from_parameters

    crystal = Crystal(
        lattice_from_parameters((5.1505, 5.2116, 5.3173, 85.0, 99.23, 101.0)),
        ("Zr", "O", "O"),
        np.array([[0.2754, 0.0395, 0.2083], [0.07, 0.3317, 0.6447], [0.4496, 0.7569, 0.4792]]),
        np.array([1.0, 0.8, 1.0]),
        np.array([0.4, 0.6, 0.55]),
    )
    Path("a.cif").write_text(crystal_to_cif(crystal, "a b"), encoding="utf-8")
    read = read_cif(Path("a.cif"))
    assert read.symbols == crystal.symbols
    for name in ("cell", "positions", "occupancies", "b_iso"):
        np.testing.assert_allclose(getattr(read, name), getattr(crystal, name), atol=1e-6)
