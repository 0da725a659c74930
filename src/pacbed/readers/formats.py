"""The file formats that can be read, by extension."""

#: Reader modules of RosettaSciIO by extension.
ROSETTASCIIO_MODULES = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".mrc": "mrc",
    ".emd": "emd",
    ".hspy": "hspy",
    ".blo": "blockfile",
    ".mib": "quantumdetector",
}

#: Ordinary pictures, read by Pillow.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

#: Every extension that can be read, in lower case.
EXTENSIONS = (*ROSETTASCIIO_MODULES, ".npy", *PICTURES)
