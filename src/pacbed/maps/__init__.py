"""Thickness maps of 4D-STEM scans: windows, shared geometry, batched inference, files.

The public names are imported on first use.
"""

from typing import TYPE_CHECKING

from pacbed.lazy import public_names

if TYPE_CHECKING:
    from pacbed.maps.cluster import spread_over_cluster
    from pacbed.maps.mapping import infer_map
    from pacbed.maps.options import MapOptions
    from pacbed.maps.output import load_map, save_map
    from pacbed.maps.picture import map_png
    from pacbed.maps.processes import spread_over_processes
    from pacbed.maps.table import map_table
    from pacbed.maps.thickness_map import ThicknessMap
    from pacbed.maps.window_view import view_window
    from pacbed.scans.files import RawLayout, open_scan
    from pacbed.scans.orientation import ScanOrientation
    from pacbed.scans.scan import Scan

__all__ = [
    "MapOptions",
    "RawLayout",
    "Scan",
    "ScanOrientation",
    "ThicknessMap",
    "infer_map",
    "load_map",
    "map_png",
    "map_table",
    "open_scan",
    "save_map",
    "spread_over_cluster",
    "spread_over_processes",
    "view_window",
]

#: Where each public name lives.
_HOME = {
    "MapOptions": "pacbed.maps.options",
    "RawLayout": "pacbed.scans.files",
    "Scan": "pacbed.scans.scan",
    "ScanOrientation": "pacbed.scans.orientation",
    "ThicknessMap": "pacbed.maps.thickness_map",
    "infer_map": "pacbed.maps.mapping",
    "load_map": "pacbed.maps.output",
    "map_png": "pacbed.maps.picture",
    "map_table": "pacbed.maps.table",
    "open_scan": "pacbed.scans.files",
    "save_map": "pacbed.maps.output",
    "spread_over_cluster": "pacbed.maps.cluster",
    "spread_over_processes": "pacbed.maps.processes",
    "view_window": "pacbed.maps.window_view",
}

__getattr__, __dir__ = public_names(__name__, _HOME)
