"""How long a structure file takes on the page until a pattern of it is answered.

    python3 -m venv build/base && build/base/bin/pip install -c constraints.txt .
    python benchmarks/page_own_crystal.py --program build/base/bin/pacbed [--angle] [GaN Si ...]

Starts ``pacbed serve`` of a base installation (of this one without ``--program``), opens the page
in Chromium, and does what a user does: gives the CIF, chooses the zone axis in the picture, types
the high tension, reads, simulates, and asks for a pattern. The patterns are those of frozen phonons
in ``tests/data/known_crystals``; nothing else is told of them, so that the convergence semi-angle
is found, too; with ``--angle`` it is given. Prints the wall time of each part, the processor time
of the service, and the load, which the wall time is to be read with. Needs Linux and Chromium.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright
from service_tools import descendants, of_process, serving

from pacbed.crystal.cif import cif_content
from pacbed.crystal.known.catalogue import structure_path

FOLDER = Path(__file__).resolve().parents[1] / "tests/data/known_crystals"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
AIM_SECONDS = 60


def processor(service: int) -> float:
    """Seconds of processor of a service, what its processes that ended have spent included."""
    spent = 0
    for number in (service, *descendants(service)):
        fields = of_process(number, "stat").rpartition(")")[2].split()
        spent += sum(map(int, fields[11:15]))
    return spent / os.sysconf("SC_CLK_TCK")


class Clock:
    """Wall time of each part, seconds."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._began = time.monotonic()

    def lap(self, part: str) -> None:
        now = time.monotonic()
        self.parts[part], self._began = now - self._began, now


def asked(page: Page, cif: Path, pattern: Path, plan: dict, angle: bool) -> dict[str, float]:
    """From the structure file to the answer; the wall time of each part."""
    clock = Clock()
    page.click("#own-open")
    page.set_input_files("#cif", cif)
    page.check(f"#axes-picture input[value='{plan['zone_axis']}']")
    clock.lap("axes shown, one chosen")
    page.fill("#tension", f"{plan['high_tension_kV']:g}")
    if angle:
        page.click("#own-form summary")
        page.fill("#own-convergence", f"{plan['convergence_mrad']:g}")
    page.click("#own-read")
    page.wait_for_selector("#understood:not([hidden])")
    clock.lap("read")
    page.click("#own-make")
    page.wait_for_function(
        "() => document.getElementById('own-done').innerText || "
        "document.getElementById('own-error').innerText"
    )
    if page.is_visible("#own-error"):
        raise SystemExit(page.inner_text("#own-error"))
    clock.lap("simulated")
    page.set_input_files("#file", pattern)
    page.wait_for_selector("#preview:not([hidden])")
    page.fill("#convergence", f"{plan['convergence_mrad']:g}" if angle else "")
    page.click("#submit")
    page.wait_for_selector("#shown:not([hidden])")
    clock.lap("pattern answered")
    return clock.parts


def run(name: str, plan: dict, program: Path | None, angle: bool) -> None:
    """Print what one crystal takes, and its answer beside the truth."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(program=program) as server,
        sync_playwright() as playwright,
    ):
        cif, pattern = Path(folder) / f"{name}.cif", Path(folder) / f"{name}.npy"
        cif.write_bytes(cif_content(structure_path(name)))
        np.save(pattern, np.load(FOLDER / f"{name}.npy").astype(np.float32))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector("html[data-ready]", state="attached")
        load, before = os.getloadavg()[0], processor(server.process.pid)
        parts = asked(page, cif, pattern, plan, angle)
        spent = processor(server.process.pid) - before
        said = " ".join(page.inner_text("#numbers").split())
        status = page.get_attribute("#status", "data-status")
        browser.close()
    total = sum(parts.values())
    print(f"{name} [{plan['zone_axis']}], {plan['high_tension_kV']:g} kV; load {load:.2f} before "
          f"it, {os.getloadavg()[0]:.2f} after")  # fmt: skip
    for part, seconds in (*parts.items(), ("all", total), ("processor of the service", spent)):
        print(f"  {part:26} {seconds:6.1f} s")
    print(f"  {'within the aim' if total <= AIM_SECONDS else 'beyond the aim'} of {AIM_SECONDS} s")
    print(f"  {status}: {said}\n  truth: {plan['thickness_nm']} nm, {plan['tilt_mrad']} mrad, "
          f"{plan['convergence_mrad']} mrad")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crystals", nargs="*", default=["GaN", "Si"])
    parser.add_argument("--program", type=Path, help="pacbed of a base installation")
    parser.add_argument("--angle", action="store_true", help="tell the convergence semi-angle")
    given = parser.parse_args()
    pairs = json.loads((FOLDER / "pairs.json").read_text(encoding="utf-8"))
    for name in given.crystals:
        run(name, pairs[name]["plan"], given.program, given.angle)


if __name__ == "__main__":
    main()
