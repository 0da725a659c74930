"""Units against values from the literature and against each other."""

import pytest

from pacbed.units import (
    electron_wavelength,
    inverse_angstrom_to_mrad,
    mrad_to_inverse_angstrom,
    relativistic_factor,
)


@pytest.mark.parametrize(
    ("high_tension_kV", "wavelength"),
    [(80.0, 0.041757), (100.0, 0.037014), (200.0, 0.025079), (300.0, 0.019687)],
)
def test_wavelength_in_angstrom(high_tension_kV: float, wavelength: float) -> None:
    assert electron_wavelength(high_tension_kV) == pytest.approx(wavelength, abs=1e-6)


def test_wavelength_tends_to_the_classical_one() -> None:
    # λ = 12.2643 Å / √(E / eV) where relativity does not matter.
    assert electron_wavelength(1e-3) == pytest.approx(12.2643, rel=1e-5)


@pytest.mark.parametrize(("high_tension_kV", "gamma"), [(0.0, 1.0), (200.0, 1.39139)])
def test_relativistic_factor(high_tension_kV: float, gamma: float) -> None:
    assert relativistic_factor(high_tension_kV) == pytest.approx(gamma, abs=1e-5)


def test_angles_and_wave_vectors_are_inverse() -> None:
    wavelength = electron_wavelength(200.0)
    # The first reflection of SrTiO3, 1 / 3.905 Å, lies at 6.42 mrad.
    assert inverse_angstrom_to_mrad(1 / 3.905, wavelength) == pytest.approx(6.422, abs=1e-3)
    wave_vector = mrad_to_inverse_angstrom(13.6, wavelength)
    assert inverse_angstrom_to_mrad(wave_vector, wavelength) == pytest.approx(13.6)
