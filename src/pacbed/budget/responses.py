"""How far a fit's answer moves where the pattern is of a changed crystal, to first order."""

from dataclasses import dataclass, replace

import numpy as np

from pacbed.arrays import Numbers, Tilt
from pacbed.infer.fit.closely import COARSE_THIN, THIN_NM
from pacbed.infer.fit.edges import EdgeModel
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import REACH, beyond_disk, shifts
from pacbed.infer.fit.pattern_model import Shelf
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.grid import step_mrad

#: Pixels in a convergence semi-angle, as fits bin patterns.
PIXELS = 17
#: Noise variance of such a pixel that what is known beforehand is weighed against: of a pattern of
#: 1e6 electrons. At a tenth of it shifts are the same to 2 %.
NOISE = 1e-3
#: Rotation of the crystal in the pattern, rad: no direction that pixels have too.
_ROTATION = 0.3


@dataclass(frozen=True)
class Place:
    """Where patterns are compared: a tilt in the crystal's frame and a convergence semi-angle."""

    tilt: Tilt
    convergence_mrad: float

    def parameters(self, thickness_nm: float) -> FitParameters:
        """The fit's parameters there; the disk's centre is the origin of pixels."""
        scale = np.log(self.convergence_mrad / PIXELS)
        x, y = map(float, self.tilt)
        alpha = float(np.log(self.convergence_mrad))
        return FitParameters(thickness_nm, (x, y), 0.0, 0.0, float(scale), _ROTATION, alpha)


@dataclass(frozen=True)
class Moved:
    """Shifts of an answer under several changes, shape (k,): nm, and a component's mrad."""

    thickness_nm: Numbers
    tilt_mrad: Numbers


class Responses:
    """Responses of fits with one table to patterns of others, at one place.

    Parameters
    ----------
    table : LacbedTable
    others : list of LacbedTable
        On the same grids, of changed crystals.
    place : Place
    """

    def __init__(self, table: LacbedTable, others: list[LacbedTable], place: Place) -> None:
        reach = REACH + beyond_disk(table, place.convergence_mrad)
        self._place = place
        self._tables = [table, *others]
        self._shelves = [ModelShelf(each, reach, every=True) for each in self._tables]
        self._samples = _pixels(reach)
        self._coarse = place.convergence_mrad < COARSE_THIN * step_mrad(table.geometry)

    def at(self, thickness_nm: float, spread: float) -> Moved:
        """Shifts at a thickness: one for each of the others, then one of a spread of thickness.

        Parameters
        ----------
        thickness_nm : float
        spread : float
            Standard deviation of the thickness within the area, as a share of it.
        """
        at = self._place.parameters(thickness_nm)
        models = self._models(thickness_nm)
        own, *patterns = (self._pattern(model, at) for model in models)
        # Two thicknesses have the spread of any distribution around their middle.
        sides = [
            self._pattern(models[0], replace(at, thickness_nm=thickness_nm * factor))
            for factor in (1 - spread, 1 + spread)
        ]
        changes = np.stack([*patterns, (sides[0] + sides[1]) / 2], axis=1) - own[:, None]
        samples = replace(self._samples, values=own)
        thickness, tilt = shifts(samples, self._tables[0], at, Known(), changes, NOISE, models[0])
        return Moved(thickness, np.sqrt((tilt**2).mean(axis=0)))

    def _models(self, thickness_nm: float) -> list[Shelf]:
        """Models of all tables, the crystal's own first.

        Of thin crystals edges are drawn as they are where the table is coarse, as fits do: the
        ripples of edges on a grid look like what a thin crystal's tilt does, and would hold it.
        """
        if not self._coarse or thickness_nm >= THIN_NM:
            return list(self._shelves)
        vector = self._place.parameters(thickness_nm).to_vector()
        return [
            EdgeModel(table, vector, self._samples, 0.0, shelf)
            for table, shelf in zip(self._tables, self._shelves, strict=True)
        ]

    def _pattern(self, model: Shelf, at: FitParameters) -> Numbers:
        return model.evaluate(at.to_vector(), self._samples, 0.0).pattern


def _pixels(reach: float) -> Samples:
    """Pixels of a pattern within some semi-angles, without values."""
    half = int(np.ceil(reach * PIXELS))
    axis = np.arange(-half, half + 1.0)
    x, y = np.meshgrid(axis, axis)
    inside = np.hypot(x, y) <= reach * PIXELS
    return Samples(np.zeros(int(inside.sum())), x[inside], y[inside], 1.0, reach)
