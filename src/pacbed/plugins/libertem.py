"""Thickness maps inside LiberTEM: a UDF for any of its executors, and for live data.

>>> from libertem.api import Context
>>> from pacbed.plugins.libertem import ThicknessMapUDF
>>> with Context() as ctx:  # doctest: +SKIP
...     scan = ctx.load("auto", path="scan.hdr")
...     udf = ThicknessMapUDF("sto-001-300kV", convergence_mrad=20, window=(8, 8))
...     result = ctx.run_udf(scan, udf, plots=["thickness_nm"], progress=True)
...     result["thickness_nm"].data

The workers sum frames into windows; thickness and tilt are inferred where the sums come
together. As long as frames are missing, the maps show what the networks read from the windows
that are complete, or what is fitted to them where the system has no networks. When none is
missing, they are those of ``pacbed map``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from libertem.udf import UDF

from pacbed.errors import OutOfRangeError, PatternError
from pacbed.library.installed import load_with_table
from pacbed.library.models.kinds import Model, table_of
from pacbed.maps.fields import FIELDS
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.plugins.growing_map import GrowingMap
from pacbed.plugins.scattered_sums import (
    OpenWindows,
    SummedScan,
    add_frame,
    complete_windows,
    join_windows,
    no_frames,
)
from pacbed.scans.windows import WindowGrid, projected_cell_nm, window_for_cell

#: The maps, and the types of their numbers; the first is what LiberTEM plots by itself.
_MAPS = {field.name: field.dtype for field in FIELDS if field.growing and not field.in_scan}
#: Those that there are where it is known how the scan's axes lie in the patterns.
_IN_SCAN = {field.name: field.dtype for field in FIELDS if field.in_scan}


class ThicknessMapUDF(UDF):  # type: ignore[misc]
    """Thickness, mistilt, errors and status for each window of a 4D-STEM scan.

    A region of interest (``roi`` of ``run_udf``) says which scan positions count.

    Parameters
    ----------
    system : str or int
        Name or ID of an installed system.
    convergence_mrad : float, optional
        Convergence semi-angle; found from the patterns where it is not given.
    window : tuple of int, optional
        Rows and columns of scan positions that are summed into one pattern; found from the
        unit cell where `step_nm` is given.
    stride : tuple of int, optional
        Positions from one window to the next; windows touch by default.
    step_nm : float, optional
        Distance of neighbouring scan positions.
    mrad_per_pixel : float, optional
        Angle per pixel of the detector; found from the patterns where it is not given.
    refine : bool
        Fit the simulation to each pattern; without it the networks' answers stay. A system
        without networks always fits.
    samples : int
        Windows from which scale, rotation and centre are found.
    data : str, optional
        Data folder with further systems.
    detector_mask : ndarray of bool, optional
        True where a pixel of the detector says nothing; dead lines, gaps and a beam stop are
        found without it.
    scan_rotation_deg : float, optional
        Turns vectors of the pattern from +x towards +y to be vectors of the scan, as
        LiberTEM's ``scan_rotation``; there are then maps of the tilt along the scan's axes.
    flip_y : bool
        The pattern's y is reversed before it is turned.
    pixel_aspect : float, optional
        Angle per row over angle per column, where pixels are not square.

    Attributes
    ----------
    thickness_map : ThicknessMap or None
        The whole map after the last frame, ready to be written; None before.

    Raises
    ------
    PacbedError
        If the system is not installed, or a number makes no sense.

    Notes
    -----
    The maps are results of the kind ``single``, one entry for each window. Their valid mask
    is True for windows of which no frame is missing. Why these have no answers yet is written to
    the log ``pacbed.plugins``.
    """

    def __init__(
        self,
        system: str | int,
        convergence_mrad: float | None = None,
        window: tuple[int, int] | None = None,
        stride: tuple[int, int] | None = None,
        step_nm: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        samples: int = 16,
        data: str | None = None,
        detector_mask: np.ndarray | None = None,
        scan_rotation_deg: float | None = None,
        flip_y: bool = False,
        pixel_aspect: float | None = None,
    ) -> None:
        self._bundle: Model | None = None
        if window is None:
            window = self._window_of_cell(system, step_nm, data)
        # Copies of the UDF on the workers are made from these, and need no bundle.
        super().__init__(
            system=system,
            convergence_mrad=convergence_mrad,
            window=window,
            stride=stride,
            step_nm=step_nm,
            mrad_per_pixel=mrad_per_pixel,
            refine=refine,
            samples=samples,
            data=data,
            detector_mask=detector_mask,
            scan_rotation_deg=scan_rotation_deg,
            flip_y=flip_y,
            pixel_aspect=pixel_aspect,
        )
        self.thickness_map: ThicknessMap | None = None
        self._growing: GrowingMap | None = None
        self._made_grid: WindowGrid | None = None
        self._made_for: Any = None
        # Mistakes are told now, not by each worker.
        self._options(None)

    def _window_of_cell(
        self, system: str | int, step_nm: float | None, data: str | None
    ) -> tuple[int, int]:
        if step_nm is None or not step_nm > 0:
            raise OutOfRangeError(
                "give window=(rows, columns), or step_nm, from which the window that covers a "
                "unit cell is found"
            )
        self._bundle = load_with_table(system, None if data is None else Path(data))
        cell_nm = projected_cell_nm(table_of(self._bundle).geometry.reciprocal)
        side = window_for_cell(cell_nm, step_nm)
        return side, side

    def get_preferred_input_dtype(self) -> Any:
        """Frames come as they were recorded: whole numbers are then summed exactly."""
        return self.USE_NATIVE_DTYPE

    def get_result_buffers(self) -> dict[str, Any]:
        """Sums of the windows that a worker has seen, and the maps."""
        shape = self._grid().shape
        maps = {
            name: self.buffer(kind="single", extra_shape=shape, dtype=dtype, use="result_only")
            for name, dtype in self._maps().items()
        }
        return maps | {"windows": self.buffer(kind="single", dtype=object, use="private")}

    def preprocess(self) -> None:
        """Begin with no windows."""
        self.results.windows[0] = {}

    def process_frame(self, frame: np.ndarray) -> None:
        """Add a frame to the windows that hold its position."""
        row, column = (int(n) for n in self.meta.coordinates[0])
        windows, silent = self.results.windows[0], self.params.detector_mask
        add_frame(windows, self._grid(), row, column, frame, silent)

    def merge(self, dest: Any, src: Any) -> None:
        """Add up what two workers have summed."""
        if not isinstance(dest.windows[0], dict):
            dest.windows[0] = {}
        join_windows(dest.windows[0], src.windows[0])

    def get_results(self) -> dict[str, Any]:
        """The maps of what has come so far."""
        grid = self._grid()
        scan = self._scan(self.results.windows[0] or {})
        seen = self.meta.get_valid_nav_mask(full_nav=True)
        complete = complete_windows(grid, seen.reshape(grid.scan_shape))
        if complete.all() and scan.windows:
            maps = self._whole_map(grid, scan)
        else:
            maps = self._part_of_map(grid, scan, complete)
        return {
            name: self.with_mask(np.asarray(maps[name], dtype), mask=complete)
            for name, dtype in self._maps().items()
        }

    def _whole_map(self, grid: WindowGrid, scan: SummedScan) -> dict[str, np.ndarray]:
        if self.thickness_map is None:
            self.thickness_map = infer_map(scan, self._loaded(), self._options(grid))
        made = self.thickness_map
        return {name: getattr(made, name) for name in self._maps()}

    def _part_of_map(
        self, grid: WindowGrid, scan: SummedScan, complete: np.ndarray
    ) -> dict[str, np.ndarray]:
        if self._growing is None:
            self._growing = GrowingMap(self._loaded(), grid, self._options(grid))
        self._growing.take(scan, complete)
        layers = self._growing.layers
        tilt = layers["tilt_mrad"][..., 0, :]
        orientation = self._options(grid).orientation
        along = tilt if orientation is None else orientation.in_scan(tilt)
        return {
            "thickness_nm": layers["thickness_nm"][..., 0],
            "thickness_std_nm": layers["thickness_std_nm"][..., 0],
            "mistilt_mrad": np.linalg.norm(tilt, axis=-1),
            "tilt_x_mrad": tilt[..., 0],
            "tilt_y_mrad": tilt[..., 1],
            "scan_tilt_x_mrad": along[..., 0],
            "scan_tilt_y_mrad": along[..., 1],
            "tilt_std_mrad": layers["tilt_std_mrad"][..., 0],
            "residual": layers["residual"][..., 0],
            "status": layers["status"],
            "jump": np.zeros(grid.shape, bool),
            "frames": layers["frames"],
            "bad_frames": layers["bad_frames"],
        }

    def _scan(self, windows: OpenWindows) -> SummedScan:
        """What has come of the scan."""
        shape = (*self.meta.dataset_shape.nav, *self.meta.dataset_shape.sig)
        if len(shape) != 4:
            raise PatternError(
                f"the data set has the shape {shape}: give it scan rows and columns, for example "
                "with nav_shape, and patterns of rows and columns"
            )
        dtype = np.dtype(self.meta.dataset_dtype)
        scan = SummedScan(shape, dtype, no_frames, "the data set", windows=windows)
        return scan.without_pixels(self.params.detector_mask, "detector_mask")

    def _options(self, grid: WindowGrid | None) -> MapOptions:
        return MapOptions(
            convergence_mrad=self.params.convergence_mrad,
            window=self.params.window,
            stride=self.params.stride,
            mask=None if grid is None else grid.mask,
            mrad_per_pixel=self.params.mrad_per_pixel,
            refine=self.params.refine,
            samples=self.params.samples,
            step_nm=self.params.step_nm,
            detector_mask=self.params.detector_mask,
            scan_rotation_deg=self.params.scan_rotation_deg,
            flip_y=self.params.flip_y,
            pixel_aspect=self.params.pixel_aspect,
        )

    def _maps(self) -> dict[str, str]:
        """The maps that there are, and the types of their numbers."""
        return _MAPS if self._options(None).orientation is None else _MAPS | _IN_SCAN

    def _grid(self) -> WindowGrid:
        if self._made_grid is None or self._made_for is not self.meta:
            # The same UDF may run again: nothing of its last run may be left.
            self.thickness_map = self._growing = None
            shape = tuple(self.meta.dataset_shape.nav)
            window = self.params.window
            self._made_grid = WindowGrid(
                shape, window, self.params.stride or window, mask=self.meta.roi
            )
            self._made_for = self.meta
        return self._made_grid

    def _loaded(self) -> Model:
        if self._bundle is None:
            data = self.params.data
            self._bundle = load_with_table(self.params.system, None if data is None else Path(data))
            self._bundle.system.check(self.params.convergence_mrad)
        return self._bundle
