"""What is known of patterns and their crystal: the options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.infer.answers import Asked
from pacbed.commands.options import (
    DataOption,
    DatasetOption,
    HighTensionOption,
    MaterialOption,
    MicroscopeOption,
    NoRefineOption,
    PixelAspectOption,
    parse_frame,
)
from pacbed.commands.output import print_block
from pacbed.commands.own_crystal import OwnCrystalOptions, models_of, understand_all
from pacbed.commands.select import choose_model
from pacbed.errors import UnknownSystemError
from pacbed.library.system import ANY

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model
    from pacbed.own_crystal.understood import Understood


@dataclass(frozen=True)
class ConditionOptions:
    """How patterns were recorded, and which system they are of; each field is an option."""

    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            "-s",
            help="ID or name of the system, as [bold]pacbed systems[/bold] lists it; [bold]any"
            "[/bold] tries all that have a fit and ranks the answers.",
            metavar="ID|NAME|any",
        ),
    ] = None
    material: MaterialOption = None
    high_tension: HighTensionOption = None
    zone_axis: Annotated[
        str | None,
        typer.Option(
            help='Direction \\[uvw] along the beam, such as "1 1 0", or "1 1 -2 0" of a hexagonal'
            ' crystal; with --material "0 0 1" by default.',
            metavar="UVW",
        ),
    ] = None
    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle; found from the pattern where neither this nor the file"
            " says it.",
            metavar="MRAD",
        ),
    ] = None
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known.", metavar="MRAD"),
    ] = None
    frame: Annotated[
        str | None,
        typer.Option(
            help="Frame of a stack or scan, from 0; [bold]sum[/bold] adds all.", metavar="N|sum"
        ),
    ] = None
    dataset: DatasetOption = None
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Pixels that say nothing, such as a detector's bad pixels: a file of the "
            "pattern's size that is not 0 there. Dead lines, gaps, saturation and a beam stop are "
            "found without it.",
            metavar="FILE",
        ),
    ] = None
    microscope: MicroscopeOption = None
    pixel_aspect: PixelAspectOption = None
    no_refine: NoRefineOption = False
    data: DataOption = None

    @property
    def asked(self) -> Asked:
        """How every pattern is asked."""
        from pacbed.microscope.file import read_microscope

        return Asked(
            self.convergence,
            self.mrad_per_pixel,
            parse_frame(self.frame),
            not self.no_refine,
            self.dataset,
            self.mask,
            None if self.microscope is None else read_microscope(self.microscope),
            self.pixel_aspect,
        )

    def models(
        self,
        asked: Asked,
        own: OwnCrystalOptions,
        files: Sequence[Path] = (),
        budget: bool = False,
    ) -> "list[Model]":
        """The models to ask; a crystal that is given as a file is simulated.

        Parameters
        ----------
        asked : Asked
            What :attr:`asked` says.
        own : OwnCrystalOptions
        files : sequence of Path
            Patterns that are there already: for what they say of their recording.
        budget : bool
            Whether it is measured what the answers' errors are made of, where a crystal is given as
            a file.
        """
        if own.asked:
            _check_one(own, self)
            return list(models_of(_understood(files, own, self, asked), budget))
        own.check_unused()
        return _installed(self)


def _check_one(own: OwnCrystalOptions, given: ConditionOptions) -> None:
    option = "--cif" if own.cif is not None else "--candidates"
    if given.system is not None or given.material is not None:
        raise UnknownSystemError(
            f"{option} says which crystal it is: leave out --system and --material."
        )
    if given.no_refine:
        raise UnknownSystemError(
            f"{option} answers by a fit, there are no networks: leave out --no-refine."
        )


def _understood(
    files: Sequence[Path], own: OwnCrystalOptions, given: ConditionOptions, asked: Asked
) -> "list[Understood]":
    """Read the structures, and say what was understood of them."""
    from pacbed.crystal.known.catalogue import structure_words
    from pacbed.readers import read_pattern

    zone_axis, high_tension, known = given.zone_axis, given.high_tension, asked.convergence_mrad
    if known is None and asked.microscope is not None and asked.microscope.is_at(high_tension):
        known = asked.microscope.convergence_mrad
    understood = understand_all(own, zone_axis, high_tension, known)
    # Read before anything is simulated, so that a wrong file shows, and for what they state.
    stated = [
        read_pattern(file, asked.frame, dataset=asked.dataset).metadata.convergence_mrad
        for file in files
    ]
    angles = [angle for angle in stated if angle is not None]
    alike = 0 < len(angles) == len(files) and max(angles) < 1.05 * min(angles)
    if known is None and alike:
        understood = understand_all(own, zone_axis, high_tension, angles[0])
    for one in understood:
        print_block(structure_words(one.conditions.cif), one.rows(), err=True)
    return understood


def _installed(given: ConditionOptions) -> "list[Model]":
    system, material, high_tension = given.system, given.material, given.high_tension
    if system is None or system.strip().lower() != ANY:
        return [
            choose_model(system, material, high_tension, given.zone_axis or "0 0 1", given.data)
        ]
    if material is not None or high_tension is not None or given.no_refine:
        raise UnknownSystemError(
            "--system any compares the fits of all systems: leave out --material, "
            "--high-tension and --no-refine."
        )
    return _all_models(given.data)


def _all_models(data: Path | None) -> "list[Model]":
    from pacbed.library.installed import installed_bundles

    # Without a fit, a model that chooses among labels is never at odds with a pattern: there
    # would be nothing to rank.
    fitting = [model for model in installed_bundles(data) if model.has_table]
    if not fitting:
        raise UnknownSystemError(
            "no installed model has a table to fit with, and only fits can be ranked: give one "
            "system with --system; pacbed systems lists them."
        )
    return fitting
