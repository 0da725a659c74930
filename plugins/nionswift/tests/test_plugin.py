"""The plug-in inside Swift as it is published: windows without a screen, the rest is real."""

import csv
import gc
import json
import time
from pathlib import Path

import numpy as np
import pytest
from nion.data import Calibration, DataAndMetadata
from nion.swift import Facade
from nion.swift.model import DataItem, Metadata, PlugInManager
from nion.swift.test import TestContext

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sto-001-300kV_42nm.npy"
METADATA = {"instrument": {"high_tension": 300000, "convergence_angle": 0.020}}
Facade.initialize()


@pytest.fixture
def swift(monkeypatch):
    """Document window and API of a Swift that has loaded the plug-in, and what it would show."""
    setup = TestContext.TestSetup(set_global=True)
    setup.app.workspace_dir = ""
    monkeypatch.setattr(PlugInManager, "extensions", [])
    module = PlugInManager.load_plug_in("", "nionswift_plugin.pacbed_thickness")
    assert module is not None
    with TestContext.MemoryProfileContext() as context:
        model = context.create_document_model(auto_close=False)
        controller = setup.app.create_document_controller(model, "library")
        setup.app._set_document_model(model)
        yield Shown(controller, Facade.get_api("~1.0", "~1.0"), PlugInManager.extensions)
        controller.close()
    for extension in PlugInManager.extensions:
        extension.close()
    gc.collect()


class Shown:
    """A window that remembers what it was asked to show; a document window else."""

    def __init__(self, controller, api, extensions):
        self.controller, self.api, self.extensions = controller, api, extensions
        self.window = Facade.DocumentWindow(controller)
        self.said, self.asked = [], []
        self.window.show_confirmation_message_box = self._say
        self.window.show_get_string_message_box = self._ask

    def _say(self, text, accepted, **others):
        self.said.append(text)

    def _ask(self, caption, text, accepted):
        self.asked.append((caption, text, accepted))

    def item(self, data, calibrations=None, metadata=None, **described):
        xdata = DataAndMetadata.new_data_and_metadata(
            data,
            dimensional_calibrations=calibrations,
            metadata=metadata or {},
            data_descriptor=DataAndMetadata.DataDescriptor(**described) if described else None,
        )
        item = DataItem.new_data_item(xdata)
        self.controller.document_model.append_data_item(item)
        self.controller.find_dock_panel("data-panel")._request_focus_for_test()
        self.controller.select_data_item_in_data_panel(item)
        return Facade.DataItem(item)

    def answer(self):
        """Wait for what a thread has found."""
        until = time.monotonic() + 120
        while not self.said and time.monotonic() < until:
            self.controller.periodic()
            time.sleep(0.02)
        return self.said[-1]


def menu_items(swift):
    from nionswift_plugin.pacbed_thickness.extension import InferItem, TableItem

    return InferItem(), TableItem(swift.api)


def test_swift_loads_one_extension_with_its_menu(swift):
    assert [extension.extension_id for extension in swift.extensions] == ["pacbed.thickness"]
    items = swift.controller._pacbed_menu.items
    assert [item.title for item in items] == ["Thickness and Mistilt…", "Table of Answers…"]


def test_the_manifest_is_as_swift_reads_it():
    import nionswift_plugin.pacbed_thickness as plugin

    manifest = json.loads(Path(plugin.__file__).with_name("manifest.json").read_text("utf-8"))
    assert {"name", "identifier", "version"} <= manifest.keys()
    assert manifest["version"] == plugin.__version__


def test_a_pattern_is_answered_where_it_is_shown(swift, tmp_path):
    pattern = np.load(EXAMPLE)
    item = swift.item(pattern, metadata=METADATA)
    infer, table = menu_items(swift)
    for _ in range(2):
        # The second time replaces what the first has drawn.
        swift.said.clear()
        infer.menu_item_execute(swift.window)
        caption, text, accepted = swift.asked[-1]
        assert "convergence" in caption
        assert text == "sto-001-300kV, 20"
        accepted(text)
        assert "Status: ok" in swift.answer()
    answer = item.metadata["pacbed"]
    assert answer["status"] == "ok"
    assert answer["thickness_nm"] == pytest.approx(42.0, abs=1.0)
    assert item.metadata["instrument"] == METADATA["instrument"], "what was there stays"
    (region,) = item.regions
    assert region.label.startswith("PACBED 4")
    rows, columns = pattern.shape
    assert region.center[0] * rows - 0.5 == pytest.approx(answer["center_row_px"])
    assert region.center[1] * columns - 0.5 == pytest.approx(answer["center_column_px"])
    radius = region.size[0] * rows / 2 * answer["mrad_per_pixel"]
    assert radius == pytest.approx(20.0, rel=0.03)
    table.menu_item_execute(swift.window)
    _, text, accepted = swift.asked[-1]
    assert text.endswith(".csv")
    accepted(str(tmp_path / "answers.csv"))
    (row,) = csv.DictReader((tmp_path / "answers.csv").open(encoding="utf-8"))
    assert float(row["thickness_nm"]) == answer["thickness_nm"]


def test_a_scan_is_averaged_over_its_positions(swift):
    pattern = np.load(EXAMPLE).astype(np.float32)
    share = np.linspace(0.5, 1.5, 6, dtype=np.float32).reshape(2, 3, 1, 1)
    item = swift.item(
        share * pattern,
        metadata=METADATA,
        is_sequence=False,
        collection_dimension_count=2,
        datum_dimension_count=2,
    )
    menu_items(swift)[0].menu_item_execute(swift.window)
    swift.asked[-1][2]("sto-001-300kV, 20 mrad")
    assert "Status: ok" in swift.answer()
    assert item.metadata["pacbed"]["status"] == "ok"
    assert not item.regions


def test_what_is_wrong_is_said_and_nothing_is_kept(swift):
    infer = menu_items(swift)[0]
    infer.menu_item_execute(swift.window)
    assert "choose a data item" in swift.said[-1]
    item = swift.item(np.zeros((64,)))
    infer.menu_item_execute(swift.window)
    assert "no diffraction patterns" in swift.said[-1]
    swift.item(np.zeros((64, 64), np.complex64))
    infer.menu_item_execute(swift.window)
    assert "complex" in swift.said[-1]
    swift.item(np.ones((64, 64)))
    infer.menu_item_execute(swift.window)
    swift.asked[-1][2]("sto-001-300kV, twenty")
    assert "write a system and an angle" in swift.said[-1]
    for text, words in (("nothing-of-the-kind, 20", "nothing-of-the-kind"), ("sto-001-300kV", "")):
        swift.said.clear()
        swift.asked[-1][2](text)
        assert words in swift.answer()
    assert "pacbed" not in item.metadata
    assert not swift.asked[-1][1].endswith(", 20"), "no angle is known"


def test_calibrations_and_voltage_are_read():
    from nionswift_plugin.pacbed_thickness.pattern import (
        CONVERGENCE_RAD,
        HIGH_TENSION_V,
        pattern_of,
    )

    def read(scales, units, metadata=METADATA):
        calibrations = [Calibration.Calibration(-0.1, scale, units) for scale in scales]
        data = np.ones((64, 64))
        return pattern_of(
            DataAndMetadata.new_data_and_metadata(
                data, dimensional_calibrations=calibrations, metadata=metadata
            )
        )

    found = read((0.0005, 0.0005), "rad")
    assert (found.high_tension_kV, found.convergence_mrad) == pytest.approx((300.0, 20.0))
    assert found.mrad_per_pixel == pytest.approx(0.5)
    # λ at 300 kV is 1.9687 pm.
    assert read((0.25, 0.25), "1/nm").mrad_per_pixel == pytest.approx(0.25 * 1.96875, rel=1e-4)
    stretched = read((0.001, 0.0005), "rad")
    assert stretched.data.shape == (128, 64)
    assert stretched.mrad_per_pixel == pytest.approx(0.5)
    unknown = read((1.0, 1.0), "", metadata={"instrument": {"high_tension": "high"}})
    known = unknown.high_tension_kV, unknown.convergence_mrad, unknown.mrad_per_pixel
    assert known == (None, None, None)
    old = {"hardware_source": {"autostem": {"high_tension_v": 60000}}}
    assert read((1.0, 1.0), "", old).high_tension_kV == 60.0
    for key, paths in (
        ("stem.high_tension_v", HIGH_TENSION_V),
        ("stem.convergence_angle_rad", CONVERGENCE_RAD),
    ):
        assert tuple(Metadata.key_map[key]["paths"]) == paths


def test_a_system_for_the_voltage_is_suggested():
    import pacbed

    from nionswift_plugin.pacbed_thickness.asked import suggested
    from nionswift_plugin.pacbed_thickness.pattern import SwiftPattern

    def first(voltage, last=None):
        pattern = SwiftPattern(np.ones((4, 4)), 1, voltage, None, None)
        return suggested(pattern, pacbed.installed_systems(), last).text

    assert first(200.0) == "sto-001-200kV"
    assert first(80.0, last="sto-001-80kV") == "sto-001-80kV"
    assert first(200.0, last="sto-001-80kV") == "sto-001-200kV"
    assert first(60.0) == ""


def test_a_title_is_no_formula():
    from nionswift_plugin.pacbed_thickness.answer import table

    text = table([("=1+1", {"pacbed": {"thickness_nm": -1.5, "warnings": ["a", "b"]}}), ("x", {})])
    assert text.splitlines()[1] == "'=1+1,,,-1.5,,,,,,,,,,,a | b"
    assert len(text.splitlines()) == 2
