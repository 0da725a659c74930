"""Draw the pictures of the page in docs/images: needs Chromium, and a service that runs.

pacbed serve &
python docs/screenshots.py http://localhost:8230/
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWS = {"light": (1200, 800), "dark": (1200, 800), "narrow": (400, 800)}


def main(address):
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )
        for name, (width, height) in VIEWS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if name == "dark" else "light",
            )
            page.set_default_timeout(60_000)
            page.goto(address)
            page.wait_for_selector("html[data-ready]", state="attached")
            page.click("#examples button:nth-of-type(3)")
            page.wait_for_function("() => document.getElementById('convergence').value !== ''")
            page.click("#submit")
            page.wait_for_selector("#viewers:not([hidden])")
            page.wait_for_timeout(500)
            path = IMAGES / f"page-{name}.png"
            page.screenshot(path=path, full_page=name != "narrow")
            small(path)
            if name == "light":
                compare(page)
        browser.close()


def compare(page):
    """One pattern against all systems, side by side."""
    page.click("#compare summary")
    page.click("#compare-go")
    page.wait_for_function(
        "() => document.getElementById('compare-words').innerText.includes('the best first')"
    )
    # What stays in view as the page scrolls would lie over the picture.
    page.evaluate("document.querySelector('header').hidden = true")
    path = IMAGES / "page-compare.png"
    page.locator("#compare").screenshot(path=path)
    small(path)


def small(path):
    # A palette makes the file a third as large, and nobody sees it.
    Image.open(path).convert("RGB").quantize(192).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
