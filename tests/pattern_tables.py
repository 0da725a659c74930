"""A small table of made-up patterns that a network learns in seconds."""

import csv
from pathlib import Path

import numpy as np

SIZE = 40
THICKNESSES, MISTILTS, ANGLES = (100, 200, 300), (0, 4), (20, 25)


def made_up_pattern(thickness: float, mistilt: float, angle: float, azimuth: float) -> np.ndarray:
    """A disk with rings that depend on the thickness and a spot that depends on the tilt."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    distance = np.hypot(x, y)
    disk = 0.5 - 0.5 * np.tanh(distance - 0.45 * angle)
    rings = 1 + 0.5 * np.cos(distance * thickness / 250)
    shift = np.hypot(x - mistilt * np.cos(azimuth), y - mistilt * np.sin(azimuth))
    return (disk * (rings + 2 * np.exp(-(shift**2) / 8))).astype(np.float32)


def make_table(
    folder: Path, azimuths: int = 4, separator: str = ";", with_azimuth: bool = False
) -> Path:
    """Write patterns and their table, and return the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for thickness in THICKNESSES:
        for mistilt in MISTILTS:
            for angle in ANGLES:
                for number in range(azimuths):
                    azimuth = 2 * np.pi * number / azimuths
                    name = f"{thickness}_{mistilt}_{angle}_{number}.npy"
                    np.save(folder / name, made_up_pattern(thickness, mistilt, angle, azimuth))
                    degrees = [360 * number / azimuths] if with_azimuth else []
                    rows.append(
                        [f".\\{name}", thickness, mistilt, angle, 300, "[0 0 1]", "GaN", *degrees]
                    )
    path = folder / "df.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(
            ["Path", "Thickness", "Mistilt", "Conv_Angle", "Electron_Energy", "Direction",
             "Material", *(["Azimuth"] if with_azimuth else [])]
        )  # fmt: skip
        writer.writerows(rows)
    return path
