"""Conversions between the units of electron diffraction.

Inside the physics lengths are in Å, wave vectors in 1/Å, angles in mrad and
energies in eV; numbers that cross a boundary carry their unit in their name.
"""

import math

ANGSTROM_PER_NM = 10.0

#: Planck constant times speed of light, eV Å (CODATA 2018).
_HC_EV_ANGSTROM = 12398.419843320026
#: Rest energy of the electron, eV (CODATA 2018).
_ELECTRON_REST_ENERGY_EV = 510998.95


def electron_wavelength(high_tension_kV: float) -> float:
    """Relativistic electron wavelength in Å.

    Parameters
    ----------
    high_tension_kV : float
        Accelerating voltage in kV, positive.

    Returns
    -------
    float
        λ = hc / √(E (E + 2 m₀c²)), in Å.
    """
    energy = high_tension_kV * 1e3
    return _HC_EV_ANGSTROM / math.sqrt(energy * (energy + 2 * _ELECTRON_REST_ENERGY_EV))


def relativistic_factor(high_tension_kV: float) -> float:
    """γ = 1 + E / m₀c², the relativistic mass ratio (dimensionless)."""
    return 1.0 + high_tension_kV * 1e3 / _ELECTRON_REST_ENERGY_EV


def mrad_to_inverse_angstrom(angle_mrad: float, wavelength: float) -> float:
    """Transverse wave vector θ/λ in 1/Å of an angle in mrad (small angles)."""
    return angle_mrad * 1e-3 / wavelength


def inverse_angstrom_to_mrad(wave_vector: float, wavelength: float) -> float:
    """Angle λk in mrad of a transverse wave vector in 1/Å (small angles)."""
    return wave_vector * wavelength * 1e3
