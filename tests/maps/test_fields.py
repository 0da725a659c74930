"""One list of the maps, and one of the stages of making them."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from pacbed.errors import PatternError
from pacbed.maps import mapping as making
from pacbed.maps.fields import FIELD, FIELDS, IN_SCAN
from pacbed.maps.mapping import Stage, infer_map
from pacbed.maps.output import to_signal
from pacbed.maps.table import map_table
from pacbed.service.maps import process as map_process
from pacbed.service.maps.jobs import PROGRESS
from tests.maps.conftest import OPTIONS, Known


def test_the_list_has_every_map_and_what_it_is(eager):
    maps = {
        field.name
        for field in dataclasses.fields(eager)
        if isinstance(getattr(eager, field.name), np.ndarray)
        and getattr(eager, field.name).shape == eager.shape
    }
    assert maps | {"mistilt_mrad", "azimuth_deg", *IN_SCAN} == set(FIELD)
    for field in FIELDS:
        values = getattr(eager, field.name)
        assert values.shape == eager.shape
        assert values.dtype.kind == np.dtype(field.dtype).kind


def test_files_and_tables_hold_what_the_list_says(eager):
    held = to_signal(eager)["metadata"]["PACBED"]["maps"]
    assert held[: len(eager.fields)] == [field.name for field in eager.fields]
    [first, *_] = csv.DictReader(io.StringIO(map_table(eager)))
    assert set(first) - {"row", "column", "y_nm", "x_nm"} == {
        field.name for field in eager.fields if field.in_table
    }


def test_labels_say_the_unit():
    assert FIELD["thickness_nm"].label == "thickness / nm"
    assert FIELD["status"].label == "status"


def test_a_map_tells_its_stage_by_name(networks_alone, simulated, bundle):
    told = []
    options = dataclasses.replace(OPTIONS, refine=False)
    store = Known(networks_alone.geometry)
    infer_map(simulated.scan, bundle, options, lambda stage, share: told.append(stage), store)
    assert set(told) == {Stage.INFERRING}


@pytest.mark.parametrize(
    ("stage", "told"), [(Stage.GEOMETRY, "preparing"), (Stage.INFERRING, "inferring")]
)
def test_the_service_knows_stages_whatever_their_words(
    simulated, bundle, tmp_path, monkeypatch, stage, told
):
    def begin(scan, bundle, options, progress):
        progress(stage, 1 / 3)
        raise PatternError("enough")

    monkeypatch.setattr(making, "infer_map", begin)
    np.save(tmp_path / "scan.npy", simulated.counts)
    asked = {
        "scan": str(tmp_path / "scan.npy"), "name": "scan.npy", "bundle": str(bundle.folder),
        "convergence_mrad": 20.0, "window": [4, 4], "stride": None, "mrad_per_pixel": None,
        "refine": True, "samples": 4, "scan_step_nm": None, "path": None,
        "mask": None, "scan_shape": None, "dataset": None,
        "scan_rotation_deg": None, "flip_y": False, "pixel_aspect": None,
    }  # fmt: skip
    with pytest.raises(PatternError, match="enough"):
        map_process._make(asked, tmp_path)
    said = json.loads((tmp_path / PROGRESS).read_bytes())
    assert said["stage"] == told
    assert (said["windows"], said["windows_done"]) == (12, 4 if told == "inferring" else 0)
