"""Client and GMS scripts with the project's own service."""

import os

import numpy as np
import pytest

from pacbedclient import Client, PatternError, RequestRefusedError, query
from pacbedclient.stage import stated_axes
from standin_gms import StandInGMS


@pytest.fixture(scope="module")
def pattern(examples):
    return np.load(os.path.join(examples, "..", "..", "examples", "sto-001-300kV_42nm.npy"))


def test_the_real_service_answers_the_client(real_service, pattern):
    client = Client(real_service, timeout_s=120)
    swapped = np.asfortranarray(pattern.astype(">f8"))
    plain, other = client.infer_many([pattern, swapped], 20, system="sto-001-300kV")
    assert plain.thickness_nm == pytest.approx(other.thickness_nm, abs=0.01)
    assert plain.answer["thickness"] == pytest.approx(10 * plain.thickness_nm)
    assert plain.validation is None
    by_conditions = client.infer(
        pattern, 20, material="strontium TITANATE", high_tension_kV=300, validation=True
    )
    assert by_conditions.system == "sto-001-300kV"
    assert by_conditions.validation.shape[2] == 3


def test_where_to_tilt_is_said(real_service, pattern):
    client = Client(real_service, timeout_s=120)
    found = client.infer(pattern, 20, system="sto-001-300kV")
    said = client.guidance(found, stated_axes(0, 90))
    moved = 17.45 * np.array([said["alpha_deg"], said["beta_deg"]])
    assert moved == pytest.approx([-found.tilt_x_mrad, -found.tilt_y_mrad], abs=0.01)
    assert said["decided"]


def test_a_frame_a_dataset_and_a_mask(real_service, pattern, tmp_path):
    # The oldest environments, without a service to ask, do not have it.
    import h5py

    client = Client(real_service, timeout_s=120)
    part = pattern // 2
    np.save(str(tmp_path / "stack.npy"), np.stack([part, pattern - part]))
    with h5py.File(str(tmp_path / "named.h5"), "w") as file:
        file["one"], file["other"] = pattern, 0 * pattern
    mask = np.zeros(pattern.shape, bool)
    mask[::5, ::3] = True
    asked = {"system": "sto-001-300kV", "refine": False}
    added = client.infer(str(tmp_path / "stack.npy"), 20, frame="sum", mask=mask, **asked)
    whole = client.infer(pattern, 20, mask=mask, **asked)
    assert added.thickness_nm == pytest.approx(whole.thickness_nm, abs=0.01)
    assert added.answer["pixels_left_out"] == mask.sum()
    named = client.infer(str(tmp_path / "named.h5"), 20, dataset="one", mask=mask, **asked)
    assert named.thickness_nm == pytest.approx(whole.thickness_nm, abs=0.01)
    with pytest.raises(RequestRefusedError, match="there is no"):
        client.infer(str(tmp_path / "named.h5"), 20, dataset="none", **asked)
    square = client.infer(pattern, 20, pixel_aspect=1.0, **asked)
    assert square.thickness_nm == pytest.approx(whole.thickness_nm, abs=2)
    with pytest.raises(PatternError, match="two dimensions"):
        client.infer(pattern, 20, mask=np.zeros(5), **asked)


def test_a_microscope_says_what_is_not_given(real_service, pattern, tmp_path):
    from pacbed.microscope.file import microscope_text
    from pacbed.microscope.record import Microscope

    client = Client(real_service, timeout_s=120)
    asked = {"system": "sto-001-300kV", "refine": False}
    stated = client.infer(pattern, 20, **asked)
    session = tmp_path / "microscope.toml"
    angle = stated.mrad_per_pixel
    session.write_text(microscope_text(Microscope(300.0, 20.0, 0.05, angle, 0.001)), "utf-8")
    known = client.infer(pattern, microscope=session, **asked)
    assert known.thickness_nm == pytest.approx(stated.thickness_nm, abs=1.0)
    session.write_text("version = 7", "utf-8")
    with pytest.raises(RequestRefusedError, match=r"microscope\.toml"):
        client.infer(pattern, microscope=session, **asked)
    with pytest.raises(PatternError, match="none"):
        client.infer(pattern, microscope=tmp_path / "none.toml", **asked)
    # A map takes it as well, and what is of another high tension is refused before any work.
    session.write_text(microscope_text(Microscope(200.0, 20.0, 0.05, angle, 0.001)), "utf-8")
    scan = np.zeros((2, 2, 8, 8), np.uint16)
    with pytest.raises(RequestRefusedError, match="calibrated at 200 kV"):
        client.infer_map(scan, None, "sto-001-300kV", window=(2, 2), microscope=session)
    with pytest.raises(ValueError, match="convergence"):
        client.infer(pattern, material="Strontium titanate", high_tension_kV=300)


def test_the_earlier_function(real_service, pattern):
    port = int(real_service.split(":")[-1])
    answer = query(pattern, "Strontium Titanate", "300000", 20, 0, 0, 1, "127.0.0.1", port)
    assert {"thickness", "mistilt", "scale"} <= set(answer)
    assert answer["validation"].dtype == np.uint8
    assert answer["validation"].ndim == 3
    with pytest.raises(RequestRefusedError, match="Diamond"):
        query(pattern, "Diamond", 300000, 20, 0, 0, 1, "127.0.0.1", port)


def test_systems_and_a_simulated_pattern(real_service):
    client = Client(real_service, timeout_s=120)
    names = {system.name for system in client.systems()}
    assert "sto-001-300kV" in names
    simulated = client.pattern("sto-001-300kV", 40, 20, tilt_x_mrad=1, size=64)
    assert simulated.shape == (64, 64)
    assert 0 < simulated.sum() <= 1.001


def test_maps_of_a_scan(real_service):
    client = Client(real_service, timeout_s=120)
    random = np.random.default_rng(1)
    scan = np.empty((4, 4, 64, 64), np.uint16)
    for columns, thickness_nm in ((slice(0, 2), 20.0), (slice(2, 4), 60.0)):
        pattern = client.pattern("sto-001-300kV", thickness_nm, 20, tilt_x_mrad=1, size=64)
        expected = np.nan_to_num(pattern).clip(0) * 20000
        scan[:, columns] = random.poisson(expected, (4, 2, 64, 64))
    told = []
    bad = np.zeros((64, 64), bool)
    bad[:4] = True
    maps = client.infer_map(
        scan,
        20,
        "sto-001-300kV",
        window=(2, 2),
        progress=lambda *done: told.append(done),
        detector_mask=bad,
        scan_rotation_deg=90,
    )
    assert maps["thickness_nm"] == pytest.approx(np.array([[20, 60]] * 2), abs=2)
    assert maps["description"]["system"] == "sto-001-300kV"
    assert all(total == 4 for _, total in told)
    assert (maps["detector_mask"] == bad).all()
    assert maps["scan_tilt_y_mrad"] == pytest.approx(maps["tilt_x_mrad"])
    with pytest.raises(RequestRefusedError, match="larger than the scan"):
        client.infer_map(scan, 20, "sto-001-300kV", window=(9, 9))
    with pytest.raises(RequestRefusedError, match="diamond"):
        client.infer_map(scan, 20, "diamond", window=(2, 2))
    with pytest.raises(PatternError, match="four dimensions"):
        client.infer_map(scan[0], 20, "sto-001-300kV")


def test_the_window_of_gms(real_service, pattern, examples):
    gms = StandInGMS()
    gms.dm.persistent.SetTagAsString("PACBED:Settings:url", real_service)
    script = gms.load(os.path.join(examples, "pacbed_window.s"))
    script.run()
    front = gms.show(pattern, voltage_V=300000)
    script.press(gms.window, "OnFrontImage")
    gms.element("#convergence").value = 20
    script.press(gms.window, "OnInfer")
    assert gms.messages == []
    assert front.GetTagGroup().value("PACBED:system") == "sto-001-300kV"
    assert gms.titles()["#thickness"].endswith("nm)")
    assert gms.dm.named("PACBED of front").pixels.shape[2] == 3
