"""Thickness maps inside HyperSpy: a signal type for scans, and one for their maps.

>>> import hyperspy.api as hs
>>> s = hs.load("scan.hspy", lazy=True)  # doctest: +SKIP
>>> s.set_signal_type("pacbed")  # doctest: +SKIP
>>> maps = s.infer_thickness("sto-001-300kV", convergence_mrad=20)  # doctest: +SKIP
>>> maps.layer("thickness_nm").plot()  # doctest: +SKIP

HyperSpy finds both through ``hyperspy_extension.yaml`` where the package is installed.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hyperspy._signals.lazy import LazySignal
from hyperspy._signals.signal2d import Signal2D
from numpy.typing import ArrayLike
from rich.progress import Progress

from pacbed.errors import OutOfRangeError, PatternError
from pacbed.library.installed import load_with_table
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.output import to_signal
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.readers.axis_units import length_nm
from pacbed.readers.metadata import read_metadata
from pacbed.readers.tags import as_number
from pacbed.scans.formats import with_angles
from pacbed.scans.scan import Scan


class PACBEDScan(Signal2D):  # type: ignore[misc]
    """A 4D-STEM scan of a crystal near a zone axis.

    Navigation axes are those of the scan, signal axes those of the detector. Calibrated axes
    are used where they have units: lengths for the scan, mrad for the detector.
    """

    _signal_type = "pacbed"

    def infer_thickness(
        self,
        system: str | int,
        convergence_mrad: float | None = None,
        window: int | tuple[int, int] | None = None,
        stride: int | tuple[int, int] | None = None,
        *,
        mask: ArrayLike | None = None,
        detector_mask: ArrayLike | None = None,
        scan_rotation_deg: float | None = None,
        flip_y: bool = False,
        pixel_aspect: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        samples: int = 16,
        data: str | Path | None = None,
        show_progressbar: bool = True,
    ) -> "ThicknessMaps":
        """Map thickness and mistilt.

        Parameters
        ----------
        system : str or int
            Name or ID of an installed system.
        convergence_mrad : float, optional
            Convergence semi-angle; found from the patterns where it is not given.
        window : int or tuple of int, optional
            Scan positions, rows and columns, that are summed into one pattern; by default
            the fewest that cover a unit cell, which needs navigation axes with a unit.
        stride : int or tuple of int, optional
            Positions from one window to the next; windows touch by default.
        mask : array_like of bool, optional
            True for scan positions that count, rows by columns.
        detector_mask : array_like of bool, optional
            True for pixels of the detector that say nothing, rows by columns; dead lines, gaps
            and a beam stop are found without it.
        scan_rotation_deg : float, optional
            Turns vectors of the pattern from +x towards +y to be vectors of the scan; there are
            then maps of the tilt along the scan's axes.
        flip_y : bool
            The pattern's y is reversed before it is turned.
        pixel_aspect : float, optional
            Angle per row over angle per column, where pixels are not square; by default that of
            signal axes with a unit of angle.
        mrad_per_pixel : float, optional
            Angle per pixel; by default that of signal axes in mrad, else found.
        refine : bool
            Fit the simulation to each pattern; without it the networks' answers stay. A system
            without networks always fits.
        samples : int
            Windows from which scale, rotation and centre are found.
        data : str or Path, optional
            Data folder with further systems.
        show_progressbar : bool

        Returns
        -------
        ThicknessMaps
            One map beside the other, over the axes of the scan. Lazy scans are read piece by
            piece and give the same.

        Raises
        ------
        PacbedError
            If scan, system and numbers do not fit together.
        """
        bundle = load_with_table(system, None if data is None else Path(data))
        scan = self._as_scan(mrad_per_pixel)
        if window is None and scan.step_nm is None:
            raise OutOfRangeError(
                f"{scan.name}: give window, or the navigation axes a scale and a unit of length, "
                "from which the window that covers a unit cell is found"
            )
        options = MapOptions(
            convergence_mrad=convergence_mrad,
            window=_pair(window),
            stride=_pair(stride),
            mask=None if mask is None else np.asarray(mask, bool),
            mrad_per_pixel=mrad_per_pixel,
            refine=refine,
            samples=samples,
            detector_mask=None if detector_mask is None else np.asarray(detector_mask, bool),
            scan_rotation_deg=scan_rotation_deg,
            flip_y=flip_y,
            pixel_aspect=pixel_aspect,
        )
        with Progress(disable=not show_progressbar, transient=True) as bar:
            task = bar.add_task("", total=1.0)
            result = infer_map(
                scan,
                bundle,
                options,
                lambda words, share: bar.update(task, description=words, completed=share),
            )
        return self._on_my_axes(result)

    def _as_scan(self, mrad_per_pixel: float | None) -> Scan:
        title = self.metadata.get_item("General.title", "") or "the signal"
        if self.axes_manager.navigation_dimension != 2:
            raise PatternError(
                f"{title}: has {self.axes_manager.navigation_dimension} navigation axes, but a "
                "scan has two: rows and columns"
            )
        column, row = self.axes_manager.navigation_axes
        steps = _length_nm(row), _length_nm(column)
        known = read_metadata(
            {
                "axes": [
                    {"scale": axis.scale, "units": _unit(axis)}
                    for axis in self.axes_manager.signal_axes[::-1]
                ],
                "metadata": self.metadata.as_dictionary(),
                "original_metadata": self.original_metadata.as_dictionary(),
            }
        )
        scan = Scan.from_array(
            self.data,
            str(title),
            step_nm=None if None in steps else steps,
            high_tension_kV=known.high_tension_kV,
            convergence_mrad=known.convergence_mrad,
        )
        scan = with_angles(scan, known)
        return scan if mrad_per_pixel is None else replace(scan, mrad_per_pixel=mrad_per_pixel)

    def _on_my_axes(self, result: ThicknessMap) -> "ThicknessMaps":
        made = to_signal(result)
        column, row = self.axes_manager.navigation_axes
        for axis, mine, stride, first in zip(
            made["axes"][1:],
            (row, column),
            result.settings["stride"],
            (place[0] for place in result.position_px),
            strict=True,
        ):
            axis["units"] = mine.units
            if isinstance(mine.name, str) and mine.name:
                axis["name"] = mine.name
            axis["scale"] = mine.scale * stride
            axis["offset"] = mine.offset + mine.scale * float(first)
        title = self.metadata.get_item("General.title", "")
        maps = ThicknessMaps(made["data"], axes=made["axes"], metadata=made["metadata"])
        maps.metadata.General.title = f"Thickness maps of {title}".removesuffix(" of ")
        maps.thickness_map = result
        return maps


class LazyPACBEDScan(LazySignal, PACBEDScan):  # type: ignore[misc]
    """A scan that is not in memory."""


class ThicknessMaps(Signal2D):  # type: ignore[misc]
    """Maps of thickness, mistilt and what belongs to them, one for each navigation index.

    Attributes
    ----------
    thickness_map : ThicknessMap or None
        The result as the other parts of the package take it; None after loading a file.
    """

    _signal_type = "pacbed_map"
    thickness_map: ThicknessMap | None = None

    @property
    def layer_names(self) -> list[str]:
        """Names of the maps, in order."""
        return list(self.metadata.PACBED.maps)

    def layer(self, name: str) -> Signal2D:
        """One map as a signal of its own, over the axes of the scan.

        Parameters
        ----------
        name : str
            One of :attr:`layer_names`, such as ``thickness_nm``.

        Raises
        ------
        OutOfRangeError
            If there is no such map.
        """
        if name not in self.layer_names:
            raise OutOfRangeError(f'no map "{name}": take one of {", ".join(self.layer_names)}')
        one = self.inav[self.layer_names.index(name)]
        one.set_signal_type("")
        one.metadata.General.title = name
        one.metadata.Signal.quantity = name
        return one


class LazyThicknessMaps(LazySignal, ThicknessMaps):  # type: ignore[misc]
    """Maps that are not in memory."""


def _pair(numbers: int | tuple[int, int] | None) -> tuple[int, int] | None:
    return (numbers, numbers) if isinstance(numbers, int) else numbers


def _length_nm(axis: Any) -> float | None:
    """Step of an axis, nm; None where its unit is no length."""
    step = as_number(abs(axis.scale))
    return None if step is None else length_nm(step, _unit(axis))


def _unit(axis: Any) -> str | None:
    """The unit of an axis, None where HyperSpy has none."""
    return axis.units if isinstance(axis.units, str) else None
