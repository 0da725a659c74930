"""The package's own scattering factors against those of abTEM, element by element."""

import numpy as np
import pytest
from abtem.parametrizations import LobatoParametrization
from abtem.parametrizations.functions import lobato

from pacbed.crystal.form_factor import scattering_factor
from pacbed.crystal.structure import ELEMENTS
from pacbed.errors import CrystalError


def test_every_element_equals_abtem():
    g = np.concatenate([[0.0], np.geomspace(1e-3, 20.0, 200)])
    reference = LobatoParametrization()
    assert len(ELEMENTS) == 103
    for symbol in sorted(ELEMENTS):
        found = scattering_factor(symbol)(g)
        # Its own formula in double precision; the class rounds the parameters to single.
        expected = lobato.scattering_factor(g**2, np.array(reference.parameters[symbol]))
        assert np.abs(found - expected).max() < 1e-10, symbol
        rounded = np.asarray(reference.scattering_factor(symbol)(g**2), float)
        assert np.abs(found - rounded).max() < 1e-4, symbol


def test_an_unknown_element_is_named():
    with pytest.raises(CrystalError, match="'Xx' has no scattering factor"):
        scattering_factor("Xx")
