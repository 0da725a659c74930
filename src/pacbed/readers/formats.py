"""The file formats that can be read, by extension; docs/files.md lists what each one holds."""

#: Reader modules of RosettaSciIO by extension.
ROSETTASCIIO_MODULES = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".mrc": "mrc",
    ".emd": "emd",
    ".de5": "emd",
    ".hspy": "hspy",
    ".zspy": "zspy",
    ".blo": "blockfile",
    ".mib": "quantumdetector",
    ".xml": "empad",
    ".tvips": "tvips",
    ".app5": "topspin",
    ".prz": "pantarhei",
    ".ser": "tia",
    ".emi": "tia",
}

#: Any array in HDF5: NeXus, Dectris, py4DSTEM, MATLAB from 7.3 on.
HDF5 = (".h5", ".hdf5", ".nxs", ".mat")

#: Folders, or archives of them.
ZARR = (".zarr",)

#: Files that hold numbers alone; a pattern only where they are an EMPAD's.
RAW = (".raw",)

#: Ordinary pictures, read by Pillow.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

#: Formats that may be folders.
FOLDERS = (".zspy", *ZARR)

#: Every extension of patterns that can be read, in lower case.
EXTENSIONS = (*ROSETTASCIIO_MODULES, ".npy", *PICTURES, *HDF5, *ZARR, *RAW)
