"""Thickness and mistilt from PACBED patterns, as a plug-in of Nion Swift.

Swift imports this package, and takes the extension from the module below.
"""

from nionswift_plugin.pacbed_thickness import extension

__all__ = ["extension"]
__version__ = "0.1.0"
