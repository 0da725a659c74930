"""Tables of crystals on disk: found again, bounded, whole, private, and made once."""

import os
import stat
import sys
import threading
import time

import pytest

import pacbed
from pacbed.own_crystal import simulated_table
from pacbed.own_crystal.cache_folder import cache_folder, cache_limit_bytes
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.simulated_table import table_model, table_options
from pacbed.own_crystal.table_cache import TableCache
from pacbed.own_crystal.table_key import as_fine, table_key
from pacbed.own_crystal.understood import understand


@pytest.fixture
def silicon(repository):
    def asked(cif="Si.cif", axis="0 0 1", high_tension=200.0, convergence=5.0, thickness=10.0,
              b_iso=None):  # fmt: skip
        path = repository / "tests" / "data" / "crystals" / cif
        return understand(
            crystal_conditions(path, axis, high_tension, convergence, thickness, 1.0, b_iso)
        )

    return asked


@pytest.fixture
def made(monkeypatch):
    """Counts simulations."""
    calls = []
    simulate = simulated_table.simulate_table

    def counted(*arguments, **more):
        calls.append(arguments)
        return simulate(*arguments, **more)

    monkeypatch.setattr(simulated_table, "simulate_table", counted)
    return calls


def test_a_table_is_simulated_once_and_serves_what_it_contains(silicon, made):
    first = table_model(silicon())
    again = table_model(silicon())
    assert len(made) == 1
    assert again.folder == first.folder
    assert again.table.geometry.thicknesses_nm[-1] >= 10
    # Nearly the same angle within the range, and thinner: the table holds it.
    thinner = table_model(silicon(convergence=(4.8, 5.2), thickness=9.0))
    assert len(made) == 1
    assert thinner.system.thickness_nm == (1, 9)
    table_model(silicon(thickness=14.0))
    assert len(made) == 2


def test_the_key_is_the_structure_and_not_its_file(silicon, tmp_path, repository):
    def key(understood):
        return table_key(understood, table_options(understood)).name

    here = silicon()
    copy = tmp_path / "another name.cif"
    copy.write_bytes((repository / "tests/data/crystals/Si.cif").read_bytes())
    assert key(silicon(copy)) == key(here)
    others = [
        silicon(axis="1 1 0"), silicon(high_tension=201.0), silicon(b_iso={"Si": 0.5}),
        silicon(convergence=6.0), silicon(thickness=12.0), silicon("AlGaN.cif"),
    ]  # fmt: skip
    names = {key(other) for other in (here, *others)}
    assert len(names) == len(others) + 1


def test_a_coarser_or_unknown_table_does_not_serve(silicon):
    options = table_options(silicon())
    from dataclasses import asdict, replace

    assert as_fine(asdict(options), options)
    assert as_fine(asdict(replace(options, device="cuda")), options)
    finer = replace(options, direction_step_mrad=options.direction_step_mrad / 2)
    assert as_fine(asdict(finer), options)
    assert not as_fine(asdict(options), finer)
    for other in (None, {}, {"direction_step_mrad": "x"}, {**asdict(options), "quantum": "x"}):
        assert not as_fine(other, options)


def test_a_damaged_table_is_dropped_and_made_again_with_a_word(silicon, made):
    model = table_model(silicon())
    (model.folder / "lacbed.npz").write_bytes(b"x")
    with pytest.warns(UserWarning, match="damaged table of the cache was dropped"):
        table_model(silicon())
    assert len(made) == 2
    table_model(silicon())
    assert len(made) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes")
def test_links_are_not_followed_and_the_folder_is_private(silicon, tmp_path):
    model = table_model(silicon())
    cache = TableCache()
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    outside = tmp_path / "outside"
    model.folder.rename(outside)
    model.folder.symlink_to(outside)
    assert cache.entries() == []
    cache.clear()
    assert (outside / "lacbed.npz").exists()
    table_model(silicon())  # in place of the link
    assert not model.folder.is_symlink()
    assert (outside / "lacbed.npz").exists()
    (model.folder / "lacbed.npz").unlink()
    (model.folder / "lacbed.npz").symlink_to(outside / "lacbed.npz")
    with pytest.warns(UserWarning, match="is a link"):
        table_model(silicon())
    assert (outside / "lacbed.npz").exists()


def test_the_oldest_go_where_they_are_too_many(silicon, monkeypatch):
    first = table_model(silicon())
    second = table_model(silicon(high_tension=100.0))
    os.utime(first.folder, (1, 1))
    size = max(entry.size for entry in TableCache().entries())
    monkeypatch.setenv("PACBED_CACHE_MB", str(2.2 * size / 1e6))
    third = table_model(silicon(high_tension=300.0))
    left = {entry.folder for entry in TableCache().entries()}
    assert left == {second.folder, third.folder}


def test_clearing_by_age(silicon):
    old, new = table_model(silicon()), table_model(silicon(high_tension=100.0))
    os.utime(old.folder, (1, 1))
    cache = TableCache()
    assert cache.clear(older_than_seconds=3600)[0] == 1
    assert [entry.folder for entry in cache.entries()] == [new.folder]
    assert cache.clear()[0] == 1


def test_two_that_ask_for_the_same_simulate_once(silicon, monkeypatch, made):
    simulate = simulated_table.simulate_table
    began = threading.Event()

    def slow(*arguments, **more):
        began.set()
        time.sleep(0.3)
        return simulate(*arguments, **more)

    monkeypatch.setattr(simulated_table, "simulate_table", slow)
    asked = silicon()
    found = []
    other = threading.Thread(target=lambda: found.append(table_model(asked)))
    other.start()
    assert began.wait(60)
    found.append(table_model(asked))
    other.join()
    assert len(made) == 1
    assert found[0].folder == found[1].folder


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_cache_that_cannot_be_written_costs_a_warning(silicon, tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir(mode=0o500)
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path / "shut" / "cache"))
    with pytest.warns(UserWarning, match="tables are not kept"):
        assert table_model(silicon()).table is not None


def test_a_file_in_place_of_the_cache_costs_a_warning(silicon, tmp_path, monkeypatch, made):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="tables are not kept"):
        assert table_model(silicon()).table is not None
    assert len(made) == 1


def test_without_the_cache_nothing_is_kept(repository, tmp_path):
    predictor = pacbed.open_crystal(
        repository / "tests" / "data" / "crystals" / "Si.cif",
        zone_axis=(0, 0, 1), high_tension_kV=200, convergence_mrad=5, thickness_max_nm=10,
        mistilt_max_mrad=1, cache=False,
    )  # fmt: skip
    assert predictor.bundle.system.name == "si-001-200kV"
    assert not cache_folder().exists()
    # Maps copy a model to hold on to it.
    assert (predictor.bundle.copy_to(tmp_path / "copy") / "lacbed.npz").is_file()


def test_the_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("PACBED_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pacbed"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder().parts[-3:] == ("Library", "Caches", "pacbed")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "pacbed" / "Cache"


@pytest.mark.parametrize("text", ["x", "-1", "nan"])
def test_a_limit_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("PACBED_CACHE_MB", text)
    with pytest.raises(pacbed.errors.OutOfRangeError, match="PACBED_CACHE_MB"):
        cache_limit_bytes()
