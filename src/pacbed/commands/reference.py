"""``pacbed reference``: frozen-phonon patterns."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import (
    RecipeArgument,
    TiltXOption,
    TiltYOption,
    check_output,
    parse_numbers,
)
from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar

if TYPE_CHECKING:
    from pacbed.library.recipe import Recipe
    from pacbed.reference import ReferenceOptions, ReferencePatterns


def reference(
    recipe: RecipeArgument,
    thickness: Annotated[
        str, typer.Option("--thickness", help="Thicknesses in nm, such as 10,20,40.", metavar="NM")
    ],
    convergence: Annotated[
        float, typer.Option("--convergence", help="Convergence semi-angle.", metavar="MRAD")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write (.npz).", metavar="NPZ")
    ],
    tilt_x: TiltXOption = 0.0,
    tilt_y: TiltYOption = 0.0,
    configurations: Annotated[
        int, typer.Option(help="Frozen-phonon configurations to average.", min=1)
    ] = 8,
    no_phonons: Annotated[
        bool, typer.Option("--no-phonons", help="Atoms at rest, no thermal diffuse scattering.")
    ] = False,
    max_angle: Annotated[
        float, typer.Option(help="Angle that the patterns reach.", metavar="MRAD")
    ] = 50.0,
    slice_thickness: Annotated[
        float, typer.Option(help="Slice thickness; a layer of atoms is one slice.", metavar="Å")
    ] = 2.0,
    sampling: Annotated[float, typer.Option(help="Pixel of the wave.", metavar="Å")] = 0.1,
    probe_step: Annotated[
        float | None,
        typer.Option(help="Scan step as a share of the cell; by default as coarse as is exact."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the displacements.", min=0)] = 0,
    device: Annotated[
        str,
        typer.Option(help="cuda propagates on a graphics card (extra sim).", metavar="DEVICE"),
    ] = "cpu",
) -> None:
    """Simulate patterns with frozen phonons: multislice of a scanned probe.

    Slow and independent of the tables that the inference uses: what these are
    judged against. All processors are used.

    Example: [bold]pacbed reference recipes/sto-001-300kV.toml --thickness 10,20,40
    --convergence 20 --tilt-x 3 --tilt-y 1.5 -o reference.npz[/bold]
    """
    from pacbed.library.recipe import load_recipe
    from pacbed.reference import ReferenceOptions

    check_output(output, (".npz",))
    loaded = load_recipe(recipe)
    options = ReferenceOptions(
        high_tension_kV=loaded.system.known_high_tension_kV,
        convergence_mrad=convergence,
        thicknesses_nm=parse_numbers(thickness, "--thickness"),
        tilt_x_mrad=tilt_x,
        tilt_y_mrad=tilt_y,
        configurations=0 if no_phonons else configurations,
        slice_thickness_A=slice_thickness,
        sampling_A=sampling,
        probe_step=probe_step,
        max_angle_mrad=max_angle,
        seed=seed,
        device=device,
    )
    patterns = _simulate(loaded, options)
    patterns.save(output)
    print_block(str(output), _rows(patterns))


def _rows(patterns: "ReferencePatterns") -> list[tuple[str, str]]:
    return [
        ("Thickness", ", ".join(f"{value:.2f}" for value in patterns.thicknesses_nm) + " nm"),
        ("Pixels", " x ".join(str(size) for size in patterns.patterns.shape[1:])),
        ("Scale", "{:.4g} x {:.4g} mrad per pixel (y, x)".format(*patterns.mrad_per_pixel)),
    ]


def _simulate(recipe: "Recipe", options: "ReferenceOptions") -> "ReferencePatterns":
    from pacbed.reference import simulate_reference

    with progress_bar("multislice") as bar:
        return simulate_reference(
            recipe.crystal,
            recipe.system.known_zone_axis,
            options,
            progress=lambda done, total: bar.update(done / total),
        )
