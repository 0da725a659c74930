"""The independent reference: frozen-phonon multislice with a scanned probe.

Nothing here shares physics with :mod:`pacbed.lacbed` beyond the crystal, the axes of the
projection and the scattering factors. It is slow, has the thermal diffuse scattering that the
elastic table lacks, and is what the table is judged against.

Private: may change at any time; what is public stands in docs/api.md.
"""

from pacbed.reference.options import ReferenceOptions
from pacbed.reference.patterns import ReferencePatterns
from pacbed.reference.simulation import simulate_reference

__all__ = ["ReferenceOptions", "ReferencePatterns", "simulate_reference"]
