"""What every model can be asked, and the kinds of models, which register themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pacbed.errors import BundleError, UnknownSystemError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.model_files import Description
from pacbed.library.system import System

if TYPE_CHECKING:
    from pacbed.library.bundle import Bundle
    from pacbed.library.label_bundle import LabelBundle


class Model(Protocol):
    """An installed model; its large parts are read when they are first needed.

    Of a pattern every model needs the convergence angle. What it can beyond an answer is
    said by `has_table`, `engine` and `labels`.
    """

    @property
    def folder(self) -> Path:
        """Where it lies."""
        ...

    @property
    def system(self) -> System:
        """What it answers for."""
        ...

    @property
    def kind(self) -> str:
        """What kind of model it is, as users are told: ``engine``, ``labels`` or ``earlier``."""
        ...

    @property
    def convergence_mrad(self) -> tuple[float, float]:
        """Range of convergence semi-angles that it can answer for."""
        ...

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it comes from, to be shown."""
        ...

    @property
    def has_table(self) -> bool:
        """Whether it can simulate: only then there is a fit, which refuses other crystals."""
        ...

    @property
    def table(self) -> LacbedTable | None:
        """The LACBED table."""
        ...

    @property
    def engine(self) -> "Bundle | None":
        """Networks that read where the crystal lies and a table: what maps need."""
        ...

    @property
    def labels(self) -> "LabelBundle | None":
        """Networks that choose among labels."""
        ...

    def check_answers(self) -> None:
        """Refuse a model that can be looked at, but answers no pattern.

        Raises
        ------
        BundleError
        """
        ...


_KINDS: dict[str, Callable[[Description], Model]] = {}


def register_kind(kind: str, described: Callable[[Description], Model]) -> None:
    """Make a kind of model known.

    Parameters
    ----------
    kind : str
        As ``bundle.json`` names it.
    described : callable
        Makes the model that a description is of.
    """
    _KINDS[kind] = described


def model_of(description: Description) -> Model:
    """The model that a description is of.

    Raises
    ------
    BundleError
        If it is broken, or of a kind that is not known.
    """
    if description.kind not in _KINDS:
        raise BundleError(
            f"{description.path}: describes a model of the kind {description.kind}; known are "
            f"{', '.join(sorted(_KINDS))}"
        )
    return _KINDS[description.kind](description)


def table_of(model: Model) -> LacbedTable:
    """The LACBED table of a model, for simulating patterns.

    Raises
    ------
    UnknownSystemError
        If the model has none.
    BundleError
        If it is broken.
    """
    if model.table is None:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} has no table to simulate patterns with; "
            "use a system with a bundle made from its crystal"
        )
    return model.table


def engine_of(model: Model) -> "Bundle":
    """The model as an engine, for what needs networks with a fit behind them.

    Raises
    ------
    UnknownSystemError
        If it is none.
    """
    if model.engine is None:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} chooses among labels, and this needs a "
            "bundle that was made from a crystal: pacbed train RECIPE makes one"
        )
    return model.engine
