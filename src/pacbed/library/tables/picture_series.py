"""The pictures of thickness series, made in groups: here or in other processes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from threadpoolctl import ThreadpoolController

from pacbed.lacbed.table import LacbedTable
from pacbed.library.tables.pattern_grid import PatternGrid
from pacbed.pattern.encode import encode_pattern
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.grid import refinement_factor
from pacbed.pattern.many_series import ManySeries
from pacbed.pattern.series import synthesise_series

#: A convergence semi-angle, a mistilt and an azimuth: one folder of pictures.
Series = tuple[float, float, float]
#: A series and the thicknesses in nm that are wanted of it.
Asked = tuple[Series, list[float]]
#: Series of one convergence angle, made together.
Group = list[Asked]
#: A series and its pictures, by their thickness in nm.
Made = tuple[Series, dict[float, bytes]]

#: Most series of a group, and most bytes of its pictures.
_SERIES, _BYTES = 24, 100_000_000


@dataclass(frozen=True)
class SeriesTask:
    """Makes the pictures of a group of series; may be sent to other processes.

    Attributes
    ----------
    table : LacbedTable
    grid : PatternGrid
    """

    table: LacbedTable
    grid: PatternGrid

    def __call__(self, asked: Group) -> list[Made]:
        """The series of a group, and the picture of each of the asked thicknesses."""
        parameters = [self._parameters(*series) for series, _ in asked]
        scale = self.grid.mrad_per_pixel(asked[0][0][0])
        made = []
        # The order of sums must not depend on how many threads there are.
        with ThreadpoolController().limit(limits=1, user_api="blas"):
            for (series, wanted), images in zip(asked, self._images(parameters), strict=True):
                pictures = {
                    # Interpolation can leave values a trifle below zero.
                    thickness: encode_pattern(np.maximum(image, 0), ".tif", scale)
                    for thickness, image in zip(self.grid.thickness_nm.values, images, strict=True)
                    if thickness in wanted
                }
                made.append((series, pictures))
        return made

    def _images(self, parameters: list[PatternParameters]) -> Iterator[np.ndarray]:
        """All thicknesses of each series."""
        shape = self.grid.size, self.grid.size
        thicknesses = self.grid.thickness_nm.values
        if refinement_factor(self.table.geometry, parameters[0].convergence_mrad) == 1:
            return self._together.synthesise(parameters, shape)
        return (synthesise_series(self.table, one, thicknesses, shape) for one in parameters)

    @cached_property
    def _together(self) -> ManySeries:
        return ManySeries(self.table, self.grid.thickness_nm.values)

    def _parameters(
        self, convergence_mrad: float, mistilt_mrad: float, azimuth_deg: float
    ) -> PatternParameters:
        angle = np.deg2rad(azimuth_deg)
        return PatternParameters(
            thickness_nm=0.0,
            tilt_x_mrad=float(mistilt_mrad * np.cos(angle)),
            tilt_y_mrad=float(mistilt_mrad * np.sin(angle)),
            convergence_mrad=convergence_mrad,
            mrad_per_pixel=self.grid.mrad_per_pixel(convergence_mrad),
        )


def grouped(asked: list[Asked], grid: PatternGrid) -> list[Group]:
    """Group series of the same convergence angle, no more than memory holds.

    Parameters
    ----------
    asked : list
        Series in the order of the grid: by convergence angle first.
    grid : PatternGrid
    """
    series_bytes = 4 * grid.size**2 * len(grid.thickness_nm.values)
    most = min(_SERIES, max(1, _BYTES // series_bytes))
    groups: list[Group] = []
    for _, same in itertools.groupby(asked, key=lambda one: one[0][0]):
        remaining = list(same)
        groups += [remaining[n : n + most] for n in range(0, len(remaining), most)]
    return groups
