"""What a frame without the crystal could add to an answer: an upper bound, on frozen phonons.

    python benchmarks/vacuum_frame.py SET [--seed N]

A vacuum frame says the shape of the disks, their radius in pixels, and the intensity of the beam.
First, the answers where the shape, and for comparison all of the geometry, is known exactly.
Second, which thickness the share of the beam that is left in the disk and around it says, against
the table: as it is, and with the mean difference of each system taken off by a parabola in
thickness, fitted to the very patterns.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from sessions import sessions

from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import load_bundle
from pacbed.microscope.record import Microscope, ellipse_of
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

#: Within how many semi-angles the intensity is added up.
REACHES = (1.0, 1.2)
#: What is known exactly is known to this, relative; what is not known, to that.
EXACT, OPEN = 1e-3, 0.1
WAYS = {"nothing": None, "ellipticity": OPEN, "all of the geometry": EXACT}


def known(session, angles: float) -> Microscope:
    """The truth of a session as a calibration, its angles known to a relative error."""
    geometry = session.geometry
    size, direction = ellipse_of(geometry.distortion)
    return Microscope(
        high_tension_kV=load_bundle(session.system).system.known_high_tension_kV,
        convergence_mrad=session.convergence_mrad,
        convergence_std_mrad=angles * session.convergence_mrad,
        mrad_per_pixel=geometry.mrad_per_pixel,
        mrad_per_pixel_std=angles * geometry.mrad_per_pixel,
        ellipticity=size,
        ellipticity_direction_deg=direction,
        ellipticity_std=EXACT,
    )


def answers(folder: Path, seed: int) -> dict[str, np.ndarray]:
    """Thickness, its error, its standard error and the tilt's error, by what is known."""
    predictors: dict[str, Predictor] = {}
    rows: dict[str, list] = {way: [] for way in WAYS}
    for session in sessions(folder, seed):
        if session.system not in predictors:
            predictors[session.system] = Predictor(load_bundle(session.system))
        predictor = predictors[session.system]
        for pattern in session.patterns:
            for way, angles in WAYS.items():
                microscope = None if angles is None else known(session, angles)
                stated = session.convergence_mrad if angles is None else None
                found = predictor.infer(pattern.image, stated, microscope=microscope)
                tilt = np.array([found.tilt_x_mrad, found.tilt_y_mrad]) - pattern.tilt
                error = found.thickness_nm - pattern.thickness_nm
                row = (pattern.thickness_nm, error, found.thickness_std_nm, np.hypot(*tilt))
                rows[way].append(row)
    return {way: np.array(values) for way, values in rows.items()}


def shares(folder: Path, reach: float) -> dict[str, np.ndarray]:
    """Thickness, measured less simulated share, and the share's change by thickness, by system."""
    found: dict[str, list] = {}
    for row in csv.DictReader((folder / "patterns.csv").open(encoding="utf-8")):
        with np.load(folder / row["path"], allow_pickle=False) as arrays:
            # Units of the empty disk.
            frame = arrays["patterns"][int(row["frame"])] * 1e-4
        alpha, step = float(row["convergence_mrad"]), float(row["mrad_per_pixel"])
        thickness = float(row["thickness_nm"])
        tilt = float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])
        place = [float(row[name]) for name in ("center_row_px", "center_column_px")]
        y, x = (axis - at for axis, at in zip(np.indices(frame.shape), place, strict=True))
        inside = np.hypot(x, y) * step < reach * alpha
        table = load_bundle(row["system"]).table
        low, middle, high = (
            synthesise(table, PatternParameters(t, *tilt, alpha, step), frame.shape)[inside].sum()
            for t in (thickness - 1, thickness, thickness + 1)
        )
        measured = frame[inside].sum() / (np.pi * (alpha / step) ** 2)
        values = (thickness, measured - middle, (high - low) / 2)
        found.setdefault(row["system"], []).append(values)
    return {system: np.array(values) for system, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--seed", type=int, default=20261126)
    arguments = parser.parse_args()
    for way, rows in answers(arguments.set, arguments.seed).items():
        for words, chosen in (("all", rows[:, 0] > 0), ("below 15 nm", rows[:, 0] < 15)):
            thickness, error, std, tilt = rows[chosen].T
            off = np.abs(error)
            print(
                f"known: {way}, {words} ({len(thickness)}): thickness off by "
                f"{np.median(off):.3f} nm (median), {np.quantile(off, 0.95):.2f} (95 %), its "
                f"standard error {np.median(std):.3f} (median), tilt off by "
                f"{np.median(tilt):.3f} mrad, {np.quantile(tilt, 0.95):.2f} (95 %)"
            )
    for reach in REACHES:
        for system, (thickness, off, slope) in (
            (system, values.T) for system, values in shares(arguments.set, reach).items()
        ):
            powers = np.stack([thickness, thickness**2], axis=1)
            rest = off - powers @ np.linalg.lstsq(powers, off, rcond=None)[0]
            words = ", ".join(
                f"{name} {np.median(np.abs(d / slope)):.1f} nm (median), "
                f"{np.quantile(np.abs(d / slope), 0.95):.1f} (95 %)"
                for name, d in (("as it is", off), ("corrected", rest))
            )
            print(f"share within {reach:g}, {system}: {words}")


if __name__ == "__main__":
    main()
