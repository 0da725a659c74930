"""The maps that a thickness map is made of: one list for files, tables, pictures and programs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MapField:
    """One of the maps.

    Attributes
    ----------
    name : str
        Of the attribute of :class:`pacbed.maps.thickness_map.ThicknessMap`.
    unit : str
        Empty where there is none.
    title : str
        In words.
    dtype : str
        Of NumPy.
    in_table : bool
        Whether tables have it.
    growing : bool
        Whether it is told while a scan is still being recorded.
    in_scan : bool
        Whether it needs to be known how the scan's axes lie in the patterns.
    """

    name: str
    unit: str
    title: str
    dtype: str = "float64"
    in_table: bool = True
    growing: bool = True
    in_scan: bool = False

    @property
    def label(self) -> str:
        """Title and unit, for pictures."""
        return f"{self.title} / {self.unit}" if self.unit else self.title


#: In the order of files.
FIELDS = (
    MapField("thickness_nm", "nm", "thickness"),
    MapField("thickness_std_nm", "nm", "standard error of the thickness"),
    MapField("tilt_x_mrad", "mrad", "tilt to the right"),
    MapField("tilt_y_mrad", "mrad", "tilt downwards"),
    MapField("scan_tilt_x_mrad", "mrad", "tilt along the scan's columns", in_scan=True),
    MapField("scan_tilt_y_mrad", "mrad", "tilt along the scan's rows", in_scan=True),
    MapField("tilt_std_mrad", "mrad", "standard error of a component of the tilt"),
    MapField("mistilt_mrad", "mrad", "mistilt", in_table=False),
    MapField("azimuth_deg", "degrees", "direction of the tilt", in_table=False, growing=False),
    MapField("residual", "", "share of the variance that the fit leaves"),
    MapField("status", "", "status", "uint8"),
    MapField("jump", "", "alone against its neighbours", "bool"),
    MapField(
        "tilt_joined", "", "tilt joined with the neighbours'", "bool", in_table=False, growing=False
    ),
    MapField("thickness_alone_nm", "nm", "thickness of the window alone", growing=False),
    MapField("network_thickness_nm", "nm", "thickness that the networks read", growing=False),
    MapField("frames", "", "frames in the mean", "int64"),
    MapField("bad_frames", "", "frames left out", "int64", in_table=False),
)


def fields_of(oriented: bool) -> tuple[MapField, ...]:
    """The maps of a scan whose axes are known in the patterns, or are not."""
    return tuple(field for field in FIELDS if oriented or not field.in_scan)


#: All by name, and the names of those in the scan's axes.
FIELD = {field.name: field for field in FIELDS}
IN_SCAN = tuple(field.name for field in FIELDS if field.in_scan)
