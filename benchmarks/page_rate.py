"""How many patterns a second the page works through, and where the processor time goes.

    python benchmarks/page_rate.py [--patterns 40] [--workers 1] [--networks] [--json FILE]

Starts ``pacbed serve``, opens the page in Chromium, chooses all patterns at once, and
waits until the session's table has all of them. Prints the rate (on a free machine alone is it one)
and the processor time of each pattern by part (which other load does not change much): the
inference alone in a process of its own, what the service spends beside it, the processes that read
files, and the browser. ``--networks`` leaves the fit out: the page is then what takes the time.
Needs Linux and Chromium.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from service_tools import cpu_seconds, descendants, serving

from pacbed import load_bundle, open_predictor

ROOT = Path(__file__).resolve().parents[1]
SYSTEM, ANGLE = "sto-001-300kV", 20.0
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
ANSWERED = """count => (
    document.getElementById("session-words").innerText.startsWith(`${count} answered`)
)"""


def drawn(count: int) -> list[np.ndarray]:
    """The example so often, each with noise of its own and shifted: no answer is the same."""
    random = np.random.default_rng(3)
    example = np.load(ROOT / "examples" / f"{SYSTEM}_42nm.npy").astype(float)
    return [
        np.roll(random.poisson(example), random.integers(-6, 7, 2), (0, 1)).astype(np.uint16)
        for _ in range(count)
    ]


def alone(patterns: list[np.ndarray], refine: bool) -> float:
    """Processor time of the inference of one pattern, seconds."""
    predictor = open_predictor(load_bundle(SYSTEM))
    predictor.infer(patterns[0], ANGLE, refine=refine)
    started = time.process_time()
    for pattern in patterns:
        predictor.infer(pattern, ANGLE, refine=refine)
    return (time.process_time() - started) / len(patterns)


def spent(service: int) -> dict[str, float]:
    """Processor time so far: of the service, of the processes that read for it, of the browser."""
    whole = cpu_seconds(service)
    readers = sum(_own(number) for number in descendants(service) if _reads(number))
    ours = sum(_own(number) for number in descendants(os.getpid()))
    return {"service": whole - readers, "readers": readers, "browser": ours - whole}


def _own(number: int) -> float:
    fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reads(number: int) -> bool:
    return "reader_process" in Path(f"/proc/{number}/cmdline").read_text()


def stages(port: int) -> dict[str, float]:
    """Seconds that the service counts for each stage so far; a waiting stage is no work."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        lines = response.read().decode().splitlines()
    return {line.split('"')[1]: float(line.split()[-1])
            for line in lines if line.startswith("pacbed_stage_seconds_sum")}  # fmt: skip


def run(patterns: list[np.ndarray], folder: Path, workers: int, refine: bool) -> dict[str, float]:
    """Work through the patterns on the page; the rate, and what each part spent on a pattern."""
    files = [folder / f"p{number}.npy" for number in range(len(patterns))]
    for file, pattern in zip(files, patterns, strict=True):
        np.save(file, pattern)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with serving("--workers", str(workers)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector("html[data-ready]", state="attached")

        page.set_checked("#refine", refine)

        def work(some: list[Path], answered: int) -> None:
            page.set_input_files("#file", some)
            page.wait_for_selector("#preview:not([hidden])")
            page.select_option("#system", "3")
            page.fill("#convergence", str(ANGLE))
            page.click("#submit")
            # Looked for twice a second: at every frame the browser would work for this alone.
            page.wait_for_function(ANSWERED, arg=answered, polling=500)

        # The first ones open the model in every process.
        warm = 2 * workers
        work(files[: 2 * warm], 2 * warm)
        before, waited, started = spent(server.process.pid), stages(server.port), time.monotonic()
        work(files, 2 * warm + len(files))
        seconds = time.monotonic() - started
        after, stage = spent(server.process.pid), stages(server.port)
        browser.close()
    count = len(files)
    each = {f"{name} CPU s": (after[name] - before[name]) / count for name in after}
    counted = {f"stage {n} s": (stage[n] - waited.get(n, 0)) / count for n in sorted(stage)}
    return {"patterns a second": count / seconds, **each, **counted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    patterns = drawn(given.patterns)
    with tempfile.TemporaryDirectory() as folder:
        counted = run(patterns, Path(folder), given.workers, not given.networks)
    found = {"load": os.getloadavg()[0], **counted}
    found["inference alone CPU s"] = alone(patterns[:10], not given.networks)
    found["service beside it CPU s"] = found["service CPU s"] - found["inference alone CPU s"]
    for name, value in found.items():
        print(f"{name:26} {value:8.3f}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
