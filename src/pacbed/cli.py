"""The command line: ``pacbed --help`` shows every command with an example."""

from typing import Annotated

import typer

from pacbed import optional
from pacbed.commands.add import add
from pacbed.commands.budget import budget
from pacbed.commands.cache import cache_group
from pacbed.commands.calibrate import calibrate
from pacbed.commands.calibrate_microscope import calibrate_microscope
from pacbed.commands.crystals import crystals
from pacbed.commands.evaluate import evaluate
from pacbed.commands.group import PacbedGroup
from pacbed.commands.infer.command import infer
from pacbed.commands.map.command import map_scan
from pacbed.commands.pattern import pattern
from pacbed.commands.preview import preview
from pacbed.commands.recipe import recipe
from pacbed.commands.reference import reference
from pacbed.commands.serve import serve
from pacbed.commands.share import pack, unpack
from pacbed.commands.simulate.command import simulate
from pacbed.commands.stage.group import stage_group
from pacbed.commands.systems.group import systems_group
from pacbed.commands.train.command import train
from pacbed.commands.validate.command import validate
from pacbed.commands.watch import watch
from pacbed.commands.wedge.command import wedge

_OTHERS = optional.load("commands")
_EXAMPLES = "".join(other.EXAMPLES for other in _OTHERS)

app = typer.Typer(
    name="pacbed",
    cls=PacbedGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""
    Specimen thickness and mistilt from PACBED patterns.

    Thickness and mistilt of a crystal from its structure file; nothing is trained:

        [bold]pacbed infer a.dm4 --cif GaN --zone-axis "1 1 -2 0" --high-tension 200[/bold]

    Which crystals need no file, and the same crystal for the service and all other commands:

        [bold]pacbed crystals nitride[/bold]

        [bold]pacbed add GaN --zone-axis "1 1 -2 0" --high-tension 200[/bold]

    A system as one file to send, and one that somebody sent:

        [bold]pacbed pack gan-110-200kV --licence CC-BY-4.0[/bold]

        [bold]pacbed unpack gan-110-200kV.pacbed.zip[/bold]

    Which systems are installed, and what they cover:

        [bold]pacbed systems[/bold]

    Thickness and mistilt of a measured pattern:

        [bold]pacbed infer a.dm4 --system sto-001-200kV --convergence 20[/bold]

    Patterns as they arrive in a folder, into a table:

        [bold]pacbed watch /data/session --system sto-001-200kV --convergence 20[/bold]

    What the patterns of one session share, for exacter and quicker answers:

        [bold]pacbed calibrate-microscope a.dm4 b.dm4 --system 2 -o microscope.toml[/bold]

    Where to tilt, from patterns at known angles of the stage:

        [bold]pacbed stage calibrate a.dm4 b.dm4 --at "0 0" --at "0.7 0.7" -s 2 -o stage.toml[/bold]

    A map of thickness and mistilt over a 4D-STEM scan:

        [bold]pacbed map scan.dm4 --system sto-001-300kV --convergence 20 -o map.hspy[/bold]

    The web page, and the service for other programs:

        [bold]pacbed serve[/bold]

    A simulated pattern to look at or to try with:

        [bold]pacbed pattern --system 2 --thickness 40 --convergence 20 -o test.npy[/bold]

    How far the answers are from known thicknesses:

        [bold]pacbed evaluate labels.csv[/bold]

    A new system, from a crystal structure to a bundle:

        [bold]pacbed recipe GaN.cif --zone-axis "0 0 0 1" --high-tension 300 -o gan.toml[/bold]

        [bold]pacbed simulate gan.toml --data data[/bold]

        [bold]pacbed train gan.toml --data data[/bold]

        [bold]pacbed calibrate gan-0001-300kV --data data[/bold]

        [bold]pacbed budget gan-0001-300kV --data data[/bold]
{_EXAMPLES}
    The same physics by an independent simulation (frozen phonons):

        [bold]pacbed reference recipes/gan.toml --thickness 20 --convergence 20 -o r.npz[/bold]
    """,
)
app.command()(infer)
app.command("map")(map_scan)
app.command()(watch)
app.command()(serve)
app.add_typer(systems_group, name="systems")
app.command()(crystals)
app.command()(add)
app.command()(pack)
app.command()(unpack)
app.command()(calibrate)
app.command()(budget)
app.add_typer(cache_group, name="cache")
app.command()(calibrate_microscope)
app.add_typer(stage_group, name="stage")
app.command()(pattern)
app.command()(evaluate)
app.command()(recipe)
app.command()(simulate)
app.command()(train)
app.command()(preview)
app.command()(validate)
app.command()(reference)
for other in _OTHERS:
    other.add_to(app)
app.command()(wedge)


def _version(wanted: bool) -> None:
    if wanted:
        from pacbed.version import __version__

        typer.echo(f"pacbed {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line."""
    app()
