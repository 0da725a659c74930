"""The options of ``pacbed wedge``: the wedge, and how it is scanned."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import parse_numbers
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from pacbed.scans.wedge import WedgeOptions


@dataclass(frozen=True)
class WedgeScan:
    """A wedge and its scan, as asked for; each field is an option of the command."""

    size: Annotated[
        int, typer.Option(help="Scan positions along each side.", min=2, max=4096, metavar="N")
    ] = 32
    detector: Annotated[
        int, typer.Option(help="Detector pixels along each side.", min=32, max=1024, metavar="N")
    ] = 128
    step: Annotated[float, typer.Option(help="Distance of positions.", metavar="NM")] = 0.1
    convergence: Annotated[float, typer.Option(help="Convergence semi-angle.", metavar="MRAD")] = (
        20.0
    )
    mrad_per_pixel: Annotated[float, typer.Option(help="Angle per pixel.", metavar="MRAD")] = 0.5
    thickness: Annotated[
        str, typer.Option(help="Thickness at the left and at the right.", metavar="NM,NM")
    ] = "5,90"
    mistilt: Annotated[
        float, typer.Option(help="Largest mistilt in the field.", min=0, metavar="MRAD")
    ] = 6.0
    electrons: Annotated[float, typer.Option(help="Electrons per position.")] = 5000.0
    drift: Annotated[
        float, typer.Option(help="Way of the pattern on the detector.", metavar="PIXELS")
    ] = 2.0
    distortion: Annotated[
        float, typer.Option(help="Displacement of the scan lines, as a share of the field.")
    ] = 0.01
    seed: Annotated[int, typer.Option(help="Seed of the noise.", min=0)] = 1
    tilts: Annotated[
        int, typer.Option(help="Tilts of a scan with frozen phonons.", min=1, max=64, metavar="N")
    ] = 2

    @property
    def limits_nm(self) -> tuple[float, float]:
        """Thickness at the left and at the right, nm."""
        limits = parse_numbers(self.thickness, "--thickness")
        if len(limits) != 2:
            raise OutOfRangeError(
                f'--thickness "{self.thickness}": give two numbers, such as 5,90.'
            )
        return limits[0], limits[1]

    def of_table(self) -> "WedgeOptions":
        """The same, for patterns from the system's table."""
        from pacbed.scans.wedge import WedgeOptions

        return WedgeOptions(
            scan_shape=(self.size, self.size),
            detector_px=self.detector,
            convergence_mrad=self.convergence,
            mrad_per_pixel=self.mrad_per_pixel,
            thickness_nm=self.limits_nm,
            mistilt_mrad=self.mistilt,
            electrons=self.electrons,
            drift_px=self.drift,
            distortion=self.distortion,
            step_nm=self.step,
            seed=self.seed,
        )
