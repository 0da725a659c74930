"""A bundle without its networks, for what compares the two."""

from pacbed.library.models.bundle import Bundle
from pacbed.library.models.model_files import TABLE
from pacbed.library.models.table_model import TableModel


def without_networks(bundle: Bundle) -> TableModel:
    """The table of a bundle as a model of its own, with the same calibration."""
    return TableModel(
        folder=bundle.folder,
        system=bundle.system,
        provenance=bundle.provenance,
        hashes={TABLE: bundle.hashes[TABLE]},
        calibration=bundle.calibration,
    )
