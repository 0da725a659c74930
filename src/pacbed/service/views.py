"""Pictures of an answer that was given before: drawn again, and not looked for again."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pacbed.answer.estimate import Basis
from pacbed.answer.report.view import crop_view, simulate_view
from pacbed.infer.frames.on_what_is_left import known_pixels
from pacbed.library.installed import match_system
from pacbed.service.catalogue import Catalogue
from pacbed.service.pictures import packed_views
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.schemas import FileParameters, PixelAspect
from pacbed.service.schemas_answer import Views
from pacbed.service.uploads import Upload, read_mask, read_upload

_Angle = Annotated[float, Field(ge=1e-4, le=1000, allow_inf_nan=False)]
_Small = Annotated[float, Field(ge=-200, le=200, allow_inf_nan=False)]
_Place = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]


class ViewParameters(BaseModel):
    """An answer, or one of its alternatives, of which pictures are wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "system": "sto-001-300kV",
                    "thickness_nm": 41.6,
                    "tilt_x_mrad": 1.6,
                    "tilt_y_mrad": 1.46,
                    "rotation_deg": 16.96,
                    "convergence_mrad": 19.98,
                    "mrad_per_pixel": 0.2807,
                    "center_row_px": 131.55,
                    "center_column_px": 122.35,
                }
            ]
        },
    )

    system: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=200)],
        Field(description="ID or name of the system that answered."),
    ]
    thickness_nm: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, description="nm")]
    convergence_mrad: Annotated[_Angle, Field(description="Convergence semi-angle, mrad.")]
    mrad_per_pixel: Annotated[_Angle, Field(description="Angle per pixel as recorded, mrad.")]
    center_row_px: Annotated[_Place, Field(description="Row of the disk's centre, pixels.")]
    center_column_px: Annotated[_Place, Field(description="Column of the disk's centre, pixels.")]
    tilt_x_mrad: Annotated[
        _Small | None, Field(description="Without it nothing is simulated, mrad.")
    ] = None
    tilt_y_mrad: Annotated[
        _Small | None, Field(description="Without it nothing is simulated, mrad.")
    ] = None
    rotation_deg: Annotated[
        float | None,
        Field(ge=-360, le=360, description="Without it nothing is simulated, degrees."),
    ] = None
    pixel_aspect: PixelAspect = None
    file_params: Annotated[FileParameters, Field(description="What the file is.")] = Field(
        default_factory=FileParameters
    )

    @property
    def basis(self) -> Basis:
        """Pixels without a value are found in the pattern, see :func:`draw_views`."""
        return Basis(pixel_aspect=self.pixel_aspect or 1.0)


def draw_views(
    catalogue: Catalogue,
    readers: ReaderPool,
    upload: Upload,
    asked: ViewParameters,
    mask: Upload | None = None,
) -> Views:
    """Draw the measured pattern, and the simulated one at the answer.

    Parameters
    ----------
    catalogue : Catalogue
    readers : ReaderPool
    upload : Upload
        The pattern that the answer is for.
    asked : ViewParameters
    mask : Upload, optional
        Not 0 where a pixel says nothing.

    Returns
    -------
    Views

    Raises
    ------
    PacbedError
        If the file cannot be read, or its system is not installed.
    """
    model = catalogue.predictor(match_system(catalogue.in_order_of_search(), asked.system)).bundle
    measurement = read_upload(upload, asked.file_params, readers, asked.file_params.frame)
    silent = measurement.silent(read_mask(mask, asked.file_params, readers))
    known = known_pixels(measurement.data, silent)
    data = measurement.data if known is None else np.where(known, measurement.data, np.nan)
    view = crop_view(data, asked, asked.convergence_mrad)
    return packed_views(simulate_view(view, model.table, asked))
