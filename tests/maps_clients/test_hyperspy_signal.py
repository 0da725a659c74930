"""The signal types for HyperSpy: eager and lazy, and what a file keeps of them."""

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError, PatternError
from tests.maps_clients.conftest import CONVERGENCE_MRAD, SYSTEM

hs = pytest.importorskip("hyperspy.api")

OPTIONS = {"window": 3, "samples": 3, "show_progressbar": False}


@pytest.fixture
def signal(recorded):
    """The scan with axes that begin and step differently."""
    return signal_of(recorded.data)


def signal_of(data):
    signal = hs.signals.Signal2D(data)
    signal.set_signal_type("pacbed")
    for axis, name, scale, offset, unit in zip(
        signal.axes_manager._axes[:2], "yx", (0.2, 1.0), (7.0, -30.0), ("nm", "Å"), strict=True
    ):
        axis.name, axis.scale, axis.offset, axis.units = name, scale, offset, unit
    signal.metadata.General.title = "wedge"
    return signal


def axes_of(signal):
    return [
        (axis.name, axis.size, pytest.approx(axis.scale), pytest.approx(axis.offset), axis.units)
        for axis in signal.axes_manager._axes
    ]


def test_hyperspy_knows_the_types_where_the_package_is_installed(signal):
    from pacbed.plugins import hyperspy as hyperspy_signal

    assert type(signal) is hyperspy_signal.PACBEDScan
    assert type(signal.as_lazy()) is hyperspy_signal.LazyPACBEDScan


def test_the_maps_are_those_of_the_command_line(signal, fitted):
    maps = signal.infer_thickness(SYSTEM, CONVERGENCE_MRAD, **OPTIONS)
    for name in ("thickness_nm", "tilt_x_mrad", "tilt_y_mrad", "residual", "status"):
        np.testing.assert_allclose(
            maps.layer(name).data, getattr(fitted, name), rtol=1e-5, err_msg=name
        )
    assert maps.layer("thickness_nm").metadata.General.title == "thickness_nm"
    with pytest.raises(OutOfRangeError, match="take one of thickness_nm"):
        maps.layer("thicknes")


def test_what_is_known_of_the_detector_and_the_scan(signal):
    bad = np.zeros((48, 48), bool)
    bad[14:19, 26:32] = True
    asked = {"detector_mask": bad, "scan_rotation_deg": 90, "refine": False}
    maps = signal.infer_thickness(SYSTEM, CONVERGENCE_MRAD, **asked, **OPTIONS)
    assert (maps.thickness_map.detector_mask == bad).all()
    along = maps.layer("scan_tilt_y_mrad").data
    assert along == pytest.approx(maps.layer("tilt_x_mrad").data)


def test_a_system_without_networks(without_networks):
    recorded = without_networks.recorded
    asked = (without_networks.name, recorded.convergence_mrad)
    # Nothing but a fit can answer, whatever was asked for.
    options = {**OPTIONS, "samples": 1, "data": without_networks.data}
    maps = signal_of(recorded.data).infer_thickness(*asked, refine=False, **options)
    expected = without_networks.fitted
    np.testing.assert_allclose(maps.layer("thickness_nm").data, expected.thickness_nm, rtol=1e-5)
    assert expected.thickness_nm == pytest.approx(np.tile(recorded.thickness_nm, (2, 1)), abs=1.5)


def test_round_trip_keeps_axes_and_units(signal, tmp_path):
    """Load, infer, save, load again."""
    signal.save(tmp_path / "scan.hspy")
    loaded = hs.load(tmp_path / "scan.hspy")
    maps = loaded.infer_thickness(SYSTEM, CONVERGENCE_MRAD, refine=False, **OPTIONS)
    # A window of three positions begins at the first, and its middle is the second.
    assert axes_of(maps)[1:] == [("y", 2, 0.6, 7.2, "nm"), ("x", 3, 3.0, -29.0, "Å")]
    maps.save(tmp_path / "maps.hspy")
    again = hs.load(tmp_path / "maps.hspy")
    assert type(again) is type(maps)
    assert axes_of(again) == axes_of(maps)
    assert again.layer_names == maps.layer_names
    np.testing.assert_array_equal(again.data, maps.data)
    assert axes_of(again.layer("thickness_nm")) == axes_of(maps)[1:]
    assert SYSTEM in again.metadata.PACBED.description


def test_lazily_the_same_and_never_all_at_once(signal, tmp_path, monkeypatch):
    import dask.array

    eager = signal.infer_thickness(SYSTEM, CONVERGENCE_MRAD, refine=False, **OPTIONS)
    signal.save(tmp_path / "scan.hspy", chunks=(3, 3, 48, 48))
    lazy = hs.load(tmp_path / "scan.hspy", lazy=True)
    computed = []
    compute = dask.array.Array.compute

    def watched(array, **options):
        computed.append(array.shape[0])
        return compute(array, **options)

    monkeypatch.setattr(dask.array.Array, "compute", watched)
    maps = lazy.infer_thickness(SYSTEM, CONVERGENCE_MRAD, refine=False, **OPTIONS)
    np.testing.assert_array_equal(maps.data, eager.data)
    assert computed
    assert max(computed) <= 3


def test_the_window_covers_a_cell_where_the_axes_have_units(signal):
    maps = signal.infer_thickness(
        SYSTEM, CONVERGENCE_MRAD, refine=False, samples=2, show_progressbar=False
    )
    # SrTiO3: 0.39 nm are 2 rows of 0.2 nm, and 4 columns of 1 Å.
    assert maps.thickness_map.settings["window"] == [2, 4]


def test_what_cannot_be_a_scan(signal):
    with pytest.raises(PatternError, match="two: rows and columns"):
        signal.inav[0].infer_thickness(SYSTEM, CONVERGENCE_MRAD, **OPTIONS)
    for axis in signal.axes_manager.navigation_axes:
        axis.units = ""
    with pytest.raises(OutOfRangeError, match="unit of length"):
        signal.infer_thickness(SYSTEM, CONVERGENCE_MRAD, show_progressbar=False)
    for detector in signal.axes_manager.signal_axes:
        detector.units, detector.scale = "mrad", 40.0
    with pytest.raises(PatternError, match="only 0 of 3"):
        signal.infer_thickness(SYSTEM, CONVERGENCE_MRAD, refine=False, **OPTIONS)


@pytest.mark.parametrize(
    ("unit", "scale"), [("nm⁻¹", 0.254), ("$k_A^{-1}$", 0.0254), ("mrad", 0.5)]
)
def test_what_the_signal_says_of_its_recording(signal, unit, scale):
    """Units in every spelling, and a voltage with which frequencies are angles."""
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 300.0)
    for axis in signal.axes_manager.signal_axes:
        axis.units, axis.scale = unit, scale
    scan = signal._as_scan(None)
    assert scan.mrad_per_pixel == pytest.approx(0.5, rel=2e-3)
    assert scan.high_tension_kV == 300
    assert signal._as_scan(0.7).mrad_per_pixel == 0.7
