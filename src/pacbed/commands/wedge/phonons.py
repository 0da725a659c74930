"""``pacbed wedge --frozen-phonons``: a small scan by multislice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.wedge.options import WedgeScan
from pacbed.commands.wedge.truth import write_truth
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    import numpy as np

    from pacbed.library.recipe import Recipe
    from pacbed.reference.frames import ReferenceFrames

#: Positions along each side of a window, which is one cell of the crystal.
WINDOW = 8
#: Frozen-phonon configurations; the positions of a window are dealt out to them.
CONFIGURATIONS = 16
#: The windows' thicknesses are whole layers of the crystal, so they cannot be closer, nm.
_LEAST_STEP_NM = 0.4
#: Pixel of the wave, Å.
_SAMPLING_ANGSTROM = 0.125


def write_phonon_wedge(output: Path, recipe_path: Path, asked: WedgeScan) -> None:
    """Simulate the scan, and write it and its truth.

    Raises
    ------
    PacbedError
        If the recipe or the options cannot be used.
    """
    import numpy as np

    from pacbed.library.recipe import load_recipe
    from pacbed.scans.tiled_wedge import band_tilts, tiled_rows, tiled_truth
    from pacbed.scans.writer import write_hspy, write_npy_rows

    _check(asked)
    recipe = load_recipe(recipe_path)
    generator = np.random.default_rng(asked.seed)
    tilts = band_tilts(asked.tilts, asked.mistilt, generator)
    with progress_bar("multislice") as bar:
        bands = list(simulate_bands(recipe, asked, tilts, bar.update))
    rows = tiled_rows([band.frames for band in bands], asked.electrons, generator)
    first = bands[0]
    shape = (WINDOW * asked.tilts, asked.size, asked.detector, asked.detector)
    if output.suffix.lower() == ".npy":
        write_npy_rows(output, shape, np.dtype(np.uint16), rows)
    else:
        write_hspy(
            output, np.stack(list(rows)), first.step_nm, first.mrad_per_pixel,
            recipe.system.known_high_tension_kV, asked.convergence,
        )  # fmt: skip
    write_truth(output, tiled_truth(first.thicknesses_nm, tilts, WINDOW, asked.detector))
    _print(output, recipe, asked, first, tilts)


def _check(asked: WedgeScan) -> None:
    """Refuse a wedge that cells of the crystal cannot make."""
    if asked.size < WINDOW or asked.size % WINDOW:
        raise OutOfRangeError(
            f"--size {asked.size}: with frozen phonons give a multiple of {WINDOW}, such as "
            f"{8 * WINDOW}; every window of {WINDOW} has its thickness."
        )
    low, high = asked.limits_nm
    windows = asked.size // WINDOW
    if windows > 1 and abs(high - low) < _LEAST_STEP_NM * (windows - 1):
        raise OutOfRangeError(
            f"--thickness {low:g},{high:g}: the windows would be less than {_LEAST_STEP_NM} nm "
            "apart: give a wider range or a smaller --size."
        )
    if not 0 < asked.electrons < 1e9:
        raise OutOfRangeError("--electrons must lie between 0 and 1e9")


def simulate_bands(
    recipe: "Recipe", asked: WedgeScan, tilts: "np.ndarray", progress: Callable[[float], None]
) -> "Iterator[ReferenceFrames]":
    """The frames of one tilt after the other; `progress` is told the finished share."""
    import numpy as np

    from pacbed.reference import ReferenceOptions
    from pacbed.reference.frames import simulate_frames

    windows = asked.size // WINDOW
    for number, (tilt_x, tilt_y) in enumerate(tilts):
        options = ReferenceOptions(
            high_tension_kV=recipe.system.known_high_tension_kV,
            convergence_mrad=asked.convergence,
            thicknesses_nm=tuple(np.linspace(*asked.limits_nm, windows).tolist()),
            tilt_x_mrad=float(tilt_x),
            tilt_y_mrad=float(tilt_y),
            configurations=CONFIGURATIONS,
            sampling_A=_SAMPLING_ANGSTROM,
            # The supercell is whole cells wide: rather a trifle coarser than one more of them.
            resolution_mrad=1.02 * asked.mrad_per_pixel,
            seed=asked.seed + number,
        )

        def tell(done: int, of: int, before: int = number) -> None:
            progress((before + done / of) / len(tilts))

        band = simulate_frames(
            recipe.crystal, recipe.system.known_zone_axis, options, WINDOW, asked.detector, tell
        )
        yield band


def _print(
    output: Path, recipe: "Recipe", asked: WedgeScan, band: "ReferenceFrames", tilts: "np.ndarray"
) -> None:
    pixels, system = asked.detector, recipe.system
    shown = "; ".join(f"{x:.2f}, {y:.2f}" for x, y in tilts)
    thickness = band.thicknesses_nm
    step = "" if output.suffix.lower() == ".hspy" else f" --step {band.step_nm:.5g}"
    print_block(
        str(output),
        [
            ("Scan", f"{WINDOW * asked.tilts} x {asked.size} positions of {pixels} x {pixels}"
             f" pixels, {band.mrad_per_pixel:.4g} mrad per pixel"),
            ("Thickness", f"{thickness[0]:.2f} to {thickness[-1]:.2f} nm in {len(thickness)}"
             " windows"),
            ("Tilts", f"{shown} mrad (x, y)"),
            ("Map", f"pacbed map {output} --system {system.name} --convergence "
             f"{asked.convergence:g} --window {WINDOW}{step} -o map.hspy"),
        ],
    )  # fmt: skip
