"""What every model is and can be asked; the kinds of models register themselves."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pacbed.errors import BundleError, UnknownSystemError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.model_files import (
    TABLE,
    Description,
    read_description,
    read_file,
    write_description,
)
from pacbed.library.models.sensitivities import Sensitivities
from pacbed.library.system import System

#: Entry of a model's description, and in it the hash of the table.
SENSITIVITIES, _OF_TABLE = "sensitivities", "table_sha256"
_Kind = TypeVar("_Kind", bound="Model")


@dataclass(frozen=True, kw_only=True)
class Model:
    """An installed model; its large parts are read when they are first needed.

    Of a pattern it needs the convergence angle, inside the range of its system. What it can
    is said by `has_table` (a fit, which alone refuses a pattern of another crystal, and which
    maps need) and by :meth:`as_kind` (networks that read where the crystal lies; networks that
    choose among labels).

    Attributes
    ----------
    folder : Path
    system : System
    provenance : dict
        Versions, options and dates that made it, to be shown.
    hashes : dict
        SHA-256 of each file, hexadecimal.
    sealed : bool
        Whether the files must be those of `hashes`; not so where nobody has listed them.
    calibration : dict
        Measured errors and thresholds, see :mod:`pacbed.infer.judge.confidence`; empty where they
        have not been measured.
    sensitivities : Sensitivities or None
        How far answers move where the specimen is other than the recipe; None where that was not
        measured with this table.
    """

    folder: Path
    system: System
    provenance: dict[str, Any]
    hashes: dict[str, str] = field(default_factory=dict)
    sealed: bool = True
    calibration: dict[str, Any] = field(default_factory=dict)
    sensitivities: Sensitivities | None = None

    _kinds: ClassVar[dict[str, type["Model"]]] = {}
    _described_as: ClassVar[str]

    def __init_subclass__(cls, kind: str) -> None:
        """Make a kind of model known, under the name that ``bundle.json`` gives it."""
        cls._described_as = kind
        cls._kinds[kind] = cls

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the description of a model of this kind.

        Raises
        ------
        BundleError
            If the folder holds none, or one of another schema or kind.
        """
        return cls.described(read_description(folder, cls._described_as))

    @classmethod
    def described(cls, description: Description) -> Self:
        """The model of this kind that a description is of; see :meth:`load`."""
        content, folder = description.content, description.path.parent
        with description.explained():
            hashes = {str(name): str(value) for name, value in content["sha256"].items()}
            return cls(
                folder=folder,
                system=System.from_json(content["system"], complete=TABLE in hashes),
                provenance=dict(content["provenance"]),
                hashes=hashes,
                calibration=dict(content.get("calibration", {})),
                sensitivities=_sensitivities(content, hashes.get(TABLE)),
                **cls._own_entries(content, folder, hashes),
            )

    @classmethod
    def _own_entries(
        cls, content: dict[str, Any], folder: Path, hashes: dict[str, str]
    ) -> dict[str, Any]:
        """What a kind has beside what all have."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """What kind of model users are told that it is."""
        return self._described_as

    @property
    def has_table(self) -> bool:
        """Whether there is a LACBED table."""
        return TABLE in self.hashes

    @cached_property
    def table(self) -> LacbedTable | None:
        """The LACBED table; None where there is none."""
        if not self.has_table:
            return None
        return LacbedTable.from_bytes(self.read(TABLE), str(self.folder / TABLE))

    def as_kind(self, kind: type[_Kind]) -> _Kind | None:
        """The model as one of this kind, with what only this kind has; None where it is another."""
        return self if isinstance(self, kind) else None

    def check_answers(self) -> None:
        """Raise a :class:`BundleError` where it can be looked at, but answers no pattern."""

    def read(self, name: str) -> bytes:
        """Read a file, and check that it is the one that the model was made with."""
        return read_file(self.folder / name, self.hashes if self.sealed else None)

    def copy_to(self, place: Path) -> Path:
        """Copy the model's files, so that it stays as it is whatever becomes of its folder.

        Parameters
        ----------
        place : Path
            Folder to make.

        Returns
        -------
        Path
            `place`, where :func:`model_of` reads the same model.

        Raises
        ------
        BundleError
            If the folder holds the model no longer, or another one.
        """
        description = read_description(self.folder, self._described_as)
        contents = {name: self.read(name) for name in self.hashes}
        if description.content.get("sha256") != self.hashes:
            raise BundleError(f"{description.path}: is of another model by now; open it again")
        place.mkdir()
        for name, content in contents.items():
            (place / name).write_bytes(content)
        write_description(place, description.content)
        return place


def _sensitivities(content: dict[str, Any], table: str | None) -> Sensitivities | None:
    """Those of a description that were measured with its table."""
    stored = content.get(SENSITIVITIES)
    if table is None or stored is None or stored.get(_OF_TABLE) != table:
        return None
    return Sensitivities.from_dict(stored)


def write_sensitivities(folder: Path, sensitivities: Sensitivities) -> None:
    """Put sensitivities into a model's description, in place of those that it has.

    Raises
    ------
    BundleError
        If the folder holds no model, or one without a table.
    """
    description = read_description(folder)
    table = model_of(description).hashes.get(TABLE)
    if table is None:
        raise BundleError(f"{description.path}: describes a model without a table")
    stored = {_OF_TABLE: table, **sensitivities.to_dict()}
    write_description(folder, {**description.content, SENSITIVITIES: stored})


def model_of(description: Description) -> Model:
    """The model that a description is of, of whichever kind."""
    kinds = Model._kinds
    if description.kind not in kinds:
        raise BundleError(
            f"{description.path}: describes a model of the kind {description.kind}; known are "
            f"{', '.join(sorted(kinds))}"
        )
    return kinds[description.kind].described(description)


def with_table(model: Model) -> Model:
    """The model, or an :class:`UnknownSystemError` where it has no table to fit with."""
    if not model.has_table:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} chooses among labels, and this needs a "
            "table to fit with: take a system that was made from its crystal"
        )
    return model


def table_of(model: Model) -> LacbedTable:
    """The LACBED table of a model, or an :class:`UnknownSystemError` where it has none."""
    if model.table is None:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} has no table to simulate patterns with; "
            "use a system with a bundle made from its crystal"
        )
    return model.table
