"""Files that hold arrays with what describes them: HDF5 of detectors and programs, and signals.

They state what those of :mod:`tests.format_files` do.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.format_files import KV, MRAD, STEP


def py4dstem(
    path: Path, cube: np.ndarray, unit: str = "A^-1", step: float = STEP / 10, **more: Any
) -> Path:
    """An emd of py4DSTEM 0.14: the data cube, its axes, and its calibration, which may say more."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"emd_group_type": "file", "version_major": 1, "version_minor": 0,
                           "authoring_program": "py4DSTEM"})  # fmt: skip
        root = file.create_group("datacube_root")
        root.attrs.update({"emd_group_type": "root", "python_class": "Root"})
        group = root.create_group("datacube")
        group.attrs.update({"emd_group_type": "array", "python_class": "DataCube"})
        group["data"] = cube
        group["data"].attrs["units"] = "pixel intensity"
        for number, (name, units, size) in enumerate(
            (("Rx", "A", 2.0), ("Ry", "A", 2.0), ("Qx", unit, step), ("Qy", unit, step))
        ):
            axis = group.create_dataset(f"dim{number}", data=[0.0, size])
            axis.attrs.update({"name": name, "units": units})
        bundle = root.create_group("metadatabundle")
        bundle.attrs["emd_group_type"] = "metadatabundle"
        calibration = bundle.create_group("calibration")
        calibration.attrs.update({"emd_group_type": "metadata", "python_class": "Calibration"})
        for name, value in {
            "Q_pixel_size": step, "Q_pixel_units": unit, "R_pixel_size": 2.0,
            "R_pixel_units": "A", "convergence_semiangle_mrad": MRAD, "probe_semiangle": 23.1,
            "accelerating_voltage_V": 1e3 * KV, "QR_flip": False, **more,
        }.items():  # fmt: skip
            calibration[name] = value
    return path


def berkeley(path: Path, array: np.ndarray, names: tuple[str, ...], unit: str = "[n_m^-1]") -> Path:
    """An emd by ncempy, with the microscope's attributes."""
    from ncempy.io.emd import fileEMD

    with fileEMD(str(path), readonly=False) as file:
        dims = [
            (np.arange(size) * (STEP if number >= array.ndim - 2 else 0.2), name,
             unit if number >= array.ndim - 2 else "[n_m]")
            for number, (size, name) in enumerate(zip(array.shape, names, strict=True))
        ]  # fmt: skip
        file.put_emdgroup("pattern", array, dims)
        file.microscope.attrs["voltage"] = 1e3 * KV
        file.microscope.attrs["voltage_units"] = "V"
        file.microscope.attrs["convergence angle"] = MRAD
        file.microscope.attrs["convergence angle units"] = "mrad"
    return path


def dectris(folder: Path, frames: np.ndarray, pieces: int = 2, triggers: int = 1) -> Path:
    """A master of a Dectris detector, with its frames in files beside it and its mask."""
    path = folder / "scan_master.h5"
    mask = np.zeros(frames.shape[1:], "u4")
    mask[3], mask[5, 7] = 1, 2
    with h5py.File(path, "w") as master:
        master.attrs["NX_class"] = "NXroot"
        entry = master.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_group("data")
        for number, part in enumerate(np.array_split(frames, pieces), start=1):
            name = f"scan_data_{number:06d}.h5"
            with h5py.File(folder / name, "w") as other:
                other.create_dataset("entry/data/data", data=part, chunks=(1, *frames.shape[1:]))
            data[f"data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        detector = entry.create_group("instrument/detector")
        detector["incident_energy"] = 1e3 * KV
        detector["incident_energy"].attrs["units"] = "eV"
        specific = detector.create_group("detectorSpecific")
        specific["pixel_mask"] = mask
        specific["flatfield"] = np.ones(frames.shape[1:], "f4")
        specific["nimages"], specific["ntrigger"] = len(frames) // triggers, triggers
    return path


def nexus(path: Path, array: np.ndarray, how: str = "soft", units: str = "1/angstrom") -> Path:
    """A NeXus file whose default leads by a link to the detector's array; NXem's conditions."""
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "data"})
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "frames"})
        names = ("scan_y", "scan_x", "ky", "kx")[-array.ndim :]
        data.attrs["axes"] = list(names)
        for name, size in zip(names, array.shape, strict=True):
            inside = name.startswith("k")
            step, unit = (STEP / 10, units) if inside else (0.2, "nm")
            data[name] = np.arange(size) * step
            data[name].attrs["units"] = unit
        if how == "soft":
            file["entry/instrument/detector/frames"] = array
            data["frames"] = h5py.SoftLink("/entry/instrument/detector/frames")
        else:
            with h5py.File(path.with_name("frames.h5"), "w") as other:
                other["deep/frames"] = array
            data["frames"] = h5py.ExternalLink("frames.h5", "/deep/frames")
        source = entry.create_group("instrument/electron_source")
        source["accelerating_voltage"] = KV
        source["accelerating_voltage"].attrs["units"] = "kV"
        lens = entry.create_group("instrument/illumination_system")
        lens["semi_convergence_angle"] = MRAD * 1e-3
        lens["semi_convergence_angle"].attrs["units"] = "rad"
    return path


def matlab(path: Path, array: np.ndarray) -> Path:
    """What MATLAB's ``save -v7.3`` writes: its axes the other way round, and its mark."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["pattern"] = array.T
        file["pattern"].attrs["MATLAB_class"] = np.bytes_(array.dtype.name)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


def rosettasciio_signal(
    array: np.ndarray, units: str = "1/nm", step: float = STEP
) -> dict[str, Any]:
    """A signal for RosettaSciIO's writers."""
    navigation = array.ndim - 2
    return {
        "data": array,
        "axes": [
            {
                "name": name, "size": size, "scale": 0.2 if n < navigation else step,
                "offset": 0.0, "units": "nm" if n < navigation else units,
                "navigate": n < navigation, "index_in_array": n,
            }
            for n, (name, size) in enumerate(
                zip(("y", "x", "ky", "kx")[-array.ndim:], array.shape, strict=True)
            )
        ],
        "metadata": {
            "General": {"title": "pacbed"}, "Signal": {"signal_type": ""},
            "Acquisition_instrument": {
                "TEM": {"beam_energy": KV, "convergence_angle": MRAD, "camera_length": 91.0}
            },
        },
        "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False},
        "package_info": {}, "learning_results": {}, "models": {}, "tmp_parameters": {},
    }  # fmt: skip
