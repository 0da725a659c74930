"""Units in every spelling that files have, and volts that are called kilovolts."""

import pytest

from pacbed.readers.axis_units import angle_mrad, is_energy, length_nm
from pacbed.readers.tags import (
    as_convergence,
    as_high_tension,
    find_convergence,
    find_high_tension,
    read_tags,
)
from pacbed.units import electron_wavelength

#: Angle of 1 1/Å at 200 kV, mrad.
PER_ANGSTROM = electron_wavelength(200) * 1e3


@pytest.mark.parametrize(
    ("unit", "angstroms"),
    [
        *[(unit, 10) for unit in (
            "1/nm", "1 / nm", "nm^-1", "nm-1", "nm⁻¹", "nm^{-1}", "$nm^{-1}$", "nm**-1",
            "[n_m^-1]", "[1/n_m]", "$k_{nm}^{-1}$", "1/nanometer",
        )],
        *[(unit, 1) for unit in (
            "1/Å", "1/\u212b", "Å^-1", "Å⁻¹", "Å−1", "1/A", "A^-1", "$A^{-1}$", "k_A^{-1}",
            "$k_A^{-1}$", "1/angstrom", "1/Angstroms", "angstrom^-1", r"$\AA^{-1}$", b"A^-1",
        )],
        *[(unit, 0.01) for unit in ("1/pm", "pm^-1", "pm⁻¹")],
        *[(unit, 1e10) for unit in ("1/m", "m^-1", "1/meters", "m⁻¹")],
        *[(unit, 1e4) for unit in ("1/um", "1/µm", "1/μm")],
    ],
)  # fmt: skip
def test_spatial_frequencies(unit, angstroms):
    assert angle_mrad(1.0, unit, 200.0) == pytest.approx(PER_ANGSTROM / angstroms)
    assert angle_mrad(1.0, unit, None) is None
    assert length_nm(1.0, unit) is None


@pytest.mark.parametrize(
    ("unit", "mrad"),
    [
        *[(unit, 1) for unit in ("mrad", "mrads", "Mrad", "[m_rad]", "milliradians", "$mrad$")],
        *[(unit, 1e3) for unit in ("rad", "radians")],
        *[(unit, 1e-3) for unit in ("urad", "µrad", "μrad", "microradian")],
        *[(unit, 17.453292519943295) for unit in ("deg", "°", "degrees", "Deg")],
    ],
)
def test_angles(unit, mrad):
    assert angle_mrad(1.0, unit, None) == pytest.approx(mrad)


@pytest.mark.parametrize(
    "unit", ["", None, "pixels", "px", "1", "-1", "1/s", "nm", "eV", "<undefined>"]
)
def test_what_is_no_angle(unit):
    assert angle_mrad(1.0, unit, 200.0) is None


@pytest.mark.parametrize(
    ("unit", "nm"),
    [("nm", 1), ("Å", 0.1), ("A", 0.1), ("[n_m]", 1), ("µm", 1e3), ("m", 1e9), ("pm", 1e-3),
     ("Angstrom", 0.1), ("meters", 1e9), ("cm", 1e7)],
)  # fmt: skip
def test_lengths(unit, nm):
    assert length_nm(1.0, unit) == pytest.approx(nm)


def test_energies():
    assert is_energy("eV")
    assert is_energy("keV")
    assert not is_energy("V")


@pytest.mark.parametrize(
    ("value", "unit"),
    [(200, "kV"), (200, None), (200e3, "kV"), (200e3, None), (200e3, "V"), (200, "V"), (0.2, "kV"),
     ("200000", None), (b"200", None), (200e3, "eV"), (200, "keV")],
)  # fmt: skip
def test_volts_that_are_called_kilovolts(value, unit):
    assert as_high_tension(value, unit) == pytest.approx(200)


@pytest.mark.parametrize("value", [0, -200, "none", None, float("nan"), 5e9, 1e-9])
def test_voltages_that_no_microscope_has(value):
    assert as_high_tension(value) is None


@pytest.mark.parametrize(
    ("tree", "kV"),
    [
        ({"Microscope Info": {"Voltage": 80e3}}, 80),
        ({"a": {"microscope": {"voltage": 80.0, "voltage_units": "kV"}}}, 80),
        ({"de": {"Instrument Accelerating Voltage (V)": "80000"}}, 80),
        ({"ObjectInfo": {"ExperimentalDescription": {"High tension_kV": 80.0}}}, 80),
        ({"root": {"iom_measurements": {"ColumnSourceHighVoltageState": "1",
                                        "ColumnSourceHighVoltage": "80000.0"}}}, 80),
        ({"source": {"accelerating_voltage": "80 kV"}}, 80),
        # A detector's bias, and a current.
        ({"detector": {"HighVoltage": 120}}, None),
        ({"Camera": {"Sensor": {"Bias High Voltage (V)": 120}}}, None),
        ({"Microscope Info": {"Emission Current": 200}}, None),
    ],
)  # fmt: skip
def test_a_high_tension_is_known_by_its_name(tree, kV):
    found = find_high_tension(read_tags(tree))
    assert found == (None if kV is None else pytest.approx(kV))


@pytest.mark.parametrize(
    "tree",
    [
        {"Optics": {"BeamConvergence": "0.0214"}},
        {"EELS": {"Experimental Conditions": {"Convergence semi-angle (mrad)": 21.4}}},
        {"calibration": {"convergence_semiangle_mrad": 21.4}},
        {"abtem": {"semiangle_cutoff": 21.4}},
        {"lens": {"semi_convergence_angle": 0.0214, "semi_convergence_angle@units": "rad"}},
        {"lens": {"semi_convergence_angle": 1.2261297, "semi_convergence_angle@units": "deg"}},
    ],
)
def test_a_convergence_angle_is_known_by_its_name(tree):
    assert find_convergence(read_tags(tree)) == pytest.approx(21.4)


def test_radians_that_are_called_milliradians():
    assert as_convergence(0.0214) == as_convergence(21.4) == pytest.approx(21.4)
    assert as_convergence("none") is as_convergence(0) is as_convergence(4000) is None


def test_a_tree_that_holds_itself_or_has_no_end_is_left():
    tree: dict = {"Voltage": 3}
    tree["again"] = tree
    assert find_high_tension(read_tags(tree)) is None
    assert len(read_tags({str(n): 1.0 for n in range(80_000)})) <= 50_000
