"""Files in the formats of microscopes, written by public libraries or from their specification.

All hold one pattern, not square and not symmetric, or a small scan of it, so that an axis
that is turned or flipped shows; and state 200 kV, a convergence and a calibration.
"""

import json
import struct
from pathlib import Path

import h5py
import numpy as np

from pacbed.units import electron_wavelength
from tests.unit.test_readers_microscope import _group as dm3_group
from tests.unit.test_readers_microscope import _tag as dm3_tag

#: Rows and columns differ, and every pixel has its own value.
PATTERN = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
KV = 200.0
MRAD = 20.0
#: 1/nm per pixel, and the same as an angle.
STEP = 0.05
ANGLE = STEP * 0.1 * electron_wavelength(KV) * 1e3


def dm3(path: Path, array: np.ndarray, units: str = "1/nm", scale: float = STEP) -> Path:
    """DigitalMicrograph 3 with the tags of GMS's 4D-STEM: voltage in V, convergence of EELS."""

    def calibration(name: str, step: float, unit: str) -> bytes:
        return dm3_group(
            name, dm3_tag("Origin", 7, 0.0), dm3_tag("Scale", 7, step), dm3_tag("Units", 4, unit)
        )

    image = dm3_group(
        "",
        dm3_group(
            "ImageData",
            dm3_group(
                "Calibrations",
                calibration("Brightness", 1.0, ""),
                dm3_group("Dimension", *[calibration("", scale, units)] * array.ndim),
            ),
            dm3_tag("Data", 4, array),
            dm3_tag("DataType", 5, 10),
            dm3_group("Dimensions", *[dm3_tag("", 5, size) for size in array.shape[::-1]]),
        ),
        dm3_group(
            "ImageTags",
            dm3_group(
                "Microscope Info", dm3_tag("Voltage", 7, 1e3 * KV),
                dm3_tag("STEM Camera Length", 7, 91.0),
            ),
            dm3_group(
                "EELS",
                dm3_group("Experimental Conditions",
                          dm3_tag("Convergence semi-angle (mrad)", 7, MRAD)),
            ),
        ),
        dm3_tag("Name", 4, "pacbed"),
    )  # fmt: skip
    tags = b"\1\0" + struct.pack(">i", 1) + dm3_group("ImageList", image)
    path.write_bytes(struct.pack(">3i", 3, len(tags), 1) + tags)
    return path


def velox(
    path: Path,
    frames: np.ndarray,
    unit: str = "1/m",
    step: float = STEP * 1e9,
    others: dict[str, np.ndarray] | None = None,
) -> Path:
    """A camera's picture by Velox: frames last, metadata as JSON in bytes, rad and V and m.

    `others` are pictures of other detectors, by their names.
    """
    pictures = {"BM-Ceta": frames, **(others or {})}
    described = {
        "BinaryResult": {
            "PixelSize": {"width": str(step), "height": str(step)},
            "PixelUnitX": unit, "PixelUnitY": unit, "Offset": {"x": "0", "y": "0"},
            "DetectorIndex": "0",
        },
        "Optics": {"AccelerationVoltage": str(1e3 * KV), "CameraLength": "0.091",
                   "BeamConvergence": str(MRAD * 1e-3)},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1700000000"}},
        "Detectors": {"Detector-0": {"DetectorName": "BM-Ceta", "ExposureTime": "0.1"}},
        "Scan": {}, "Core": {"MetadataDefinitionVersion": "7.9"},
        "Instrument": {"InstrumentClass": "Titan"}, "CustomProperties": {},
    }  # fmt: skip
    text = np.frombuffer(json.dumps(described).encode(), "u1")
    with h5py.File(path, "w") as file:
        file["Version"] = [json.dumps({"format": "Velox", "version": "10"}).encode()]
        for number, (name, picture) in enumerate(pictures.items()):
            key = f"{number:032x}"
            group = file.create_group(f"Data/Image/{key}")
            stack = picture if picture.ndim == 3 else picture[None]
            group["Data"] = np.moveaxis(stack, 0, -1)
            group["Metadata"] = np.tile(text[:, None], (1, len(stack)))
            operation = json.dumps({"cameraName": name, "dataPath": f"/Data/Image/{key}"})
            file[f"Operations/CameraInputOperation/{key}"] = [operation.encode()]
    return path


def tia_ser(path: Path, frames: np.ndarray, step: float = STEP * 1e9) -> Path:
    """A series of pictures as TIA stores it: the lowest row first, steps in 1/m."""
    head = struct.pack("<3H6I", 0x4949, 0x0197, 0x0210, 0x4122, 0x4152, len(frames), len(frames),
                       0, 1)  # fmt: skip
    dimension = struct.pack("<I2d3I", len(frames), 0.0, 1.0, 0, 0, 0)
    rows, columns = frames.shape[1:]
    start = len(head) + len(dimension)
    bodies = [
        struct.pack("<2dI2dIHII", 0.0, step, 0, 0.0, step, 0, 2, columns, rows)
        + frame[::-1].astype("<u2").tobytes() + struct.pack("<2HI", 0x4152, 0, 0)
        for frame in frames
    ]  # fmt: skip
    offsets = [start + 4 * 2 * len(frames) + sum(map(len, bodies[:n])) for n in range(len(frames))]
    tags = [offset + len(bodies[0]) - 8 for offset in offsets]
    head = head[:22] + struct.pack("<I", start) + head[26:]
    index = np.array(offsets + tags, "<u4").tobytes()
    path.write_bytes(head + dimension + index + b"".join(bodies))
    return path


def tia_emi(path: Path, frames: np.ndarray, objects: int = 1) -> Path:
    """The emi of such a series, whose XML has labels with values and units."""
    tia_ser(path.with_name(f"{path.stem}_1.ser"), frames)
    entries = (
        ("High tension", KV, "kV"), ("Camera length", 0.091, "m"), ("Microscope", "Titan", ""),
        ("Mode", "Diffraction", ""), ("Convergence angle", MRAD, "mrad"),
    )  # fmt: skip
    data = "".join(
        f"<Data><Label>{label}</Label><Value>{value}</Value><Unit>{unit}</Unit></Data>"
        for label, value, unit in entries
    )
    text = (
        "<ObjectInfo><ExperimentalDescription><Root>" + data + "</Root></ExperimentalDescription>"
        "<AcquireInfo><CameraNamePath>Ceta</CameraNamePath></AcquireInfo>"
        "<AcquireDate>Tue Nov 14 22:13:20 2023</AcquireDate></ObjectInfo>"
    )
    path.write_bytes(b"JU\1\2" + bytes(64) + objects * text.encode() + bytes(64))
    return path


def direct_electron(folder: Path, frames: np.ndarray) -> Path:
    """A Direct Electron movie in mrc, and the text beside it that describes it."""
    path = folder / "20260101_00001_movie.mrc"
    header = np.zeros(256, "<i4")
    header[:4] = (frames.shape[2], frames.shape[1], frames.shape[0], 6)
    path.write_bytes(header.tobytes() + frames.astype("<u2").tobytes())
    lines = {
        "Image Size X (pixels)": frames.shape[2], "Image Size Y (pixels)": frames.shape[1],
        "Instrument Project TEMorSTEM Mode": 1,
        "Instrument Project Camera Length (centimeters)": 9.1,
        "Instrument Accelerating Voltage (V)": int(1e3 * KV),
        "Instrument Convergence Semi-Angle (mrad)": MRAD,
        "Diffraction Pixel Size X": STEP, "Diffraction Pixel Size Y": STEP,
        "Scan - Enable": "Disable", "Frames Per Second": 100, "Autosave Movie Sum Count": 1,
    }  # fmt: skip
    (folder / "20260101_00001_info.txt").write_text(
        "".join(f"{name} = {value}\n" for name, value in lines.items())
    )
    return path


def topspin(path: Path, cube: np.ndarray, unit: str = "mrad", step: float = ANGLE) -> Path:
    """An app5 of TopSpin: one group a position, each with its own XML."""
    columns = cube.shape[1]
    guid = "a0dba950-15bf-4a74-a81c-9cea8560c2c8"
    item = (
        '<Item><Name Serializer="String" Version="1">{}</Name>'
        '<Value Serializer="Double" Version="1">{}</Value></Item>'
    )
    settings = "".join(
        item.format(name, value)
        for name, value in (
            ("AccelerationVoltage", 1e3 * KV), ("CameraLength", 0.091),
            ("ConvergenceAngle", MRAD * 1e-3), ("ScanRotation", 0),
        )
    )  # fmt: skip
    whole = (
        "<Metadata><Id>x</Id><Title>scan</Title><CreatedDateTime>11/14/2023 10:00:00"
        f"</CreatedDateTime><HardwareSettings>{settings}</HardwareSettings></Metadata>"
    )
    axis = (
        "<{0}><Offset>0</Offset><Scale>{1}</Scale>"
        "<Unit><Name>angle</Name><Symbol>{2}</Symbol></Unit></{0}>"
    )
    with h5py.File(path, "w") as file:
        file["Metadata"] = np.bytes_(whole)
        group = file.create_group(guid)
        for number, frame in enumerate(cube.reshape(-1, *cube.shape[2:])):
            row, column = divmod(number, columns)
            one = group.create_group(str(number))
            one["Data"] = frame
            one["Metadata"] = np.bytes_(
                f"<Image><Calibration>{axis.format('X', step, unit)}{axis.format('Y', step, unit)}"
                f"</Calibration><Positions><Position><Name>p</Name><Value><X>{column * 2e-10}</X>"
                f"<Y>{row * 2e-10}</Y></Value></Position></Positions></Image>"
            )
    return path


def jeol_tif(path: Path, pattern: np.ndarray) -> Path:
    """A diffraction pattern of JEOL's SightX: XML in the description, pixels by the resolution."""
    import tifffile

    length_m, wavelength_nm = 0.091, electron_wavelength(KV) / 10
    # Pixels in cm of the screen that give STEP.
    per_cm = 0.01 / (STEP * length_m * wavelength_nm)
    text = (
        "<?xml version='1.0'?><TemReporter><Eos><EosMode>eosTEM</EosMode></Eos>"
        "<ElectronGun><AccelerationVoltage>200000</AccelerationVoltage></ElectronGun>"
        "<IlluminationSystem><ImageField>modeBrightField</ImageField></IlluminationSystem>"
        "<ImageFormingSystem><ImageFormingMode>modeDIFF</ImageFormingMode><ModeString>DIFF"
        "</ModeString><SelectorString>91mm</SelectorString><SelectorValue>91</SelectorValue>"
        "<SelectorUnitString>mm</SelectorUnitString></ImageFormingSystem>"
        "<GonioStage><MZ>0</MZ></GonioStage></TemReporter>"
    )
    tifffile.imwrite(path, pattern, description=text, metadata=None,
                     resolution=(per_cm, per_cm), resolutionunit="CENTIMETER",
                     extratags=[(271, 2, 0, "JEOL Ltd.", True)])  # fmt: skip
    return path
