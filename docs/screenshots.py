"""Draw the pictures of the page in docs/images: needs Chromium, and a service that runs.

    pacbed serve &
    python docs/screenshots.py http://localhost:8230/ [NAME ...]

Without names all are drawn. The tests run it too (tests/service/test_screenshots.py).
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = (1200, 800), (400, 800)


def main(address, names=(), folder=ROOT / "docs" / "images"):
    """Draw pictures into a folder; returns their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )
        for name in names or PICTURES:
            size, scheme, draw = PICTURES[name]
            page = browser.new_page(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
            )
            page.set_default_timeout(60_000)
            page.goto(address)
            page.wait_for_selector("html[data-ready]", state="attached")
            path = folder / f"{name}.png"
            draw(page, path)
            small(path)
            paths.append(path)
            page.close()
        browser.close()
    return paths


def answered(page):
    """The third example with its answer and pictures."""
    page.click("#examples button:nth-of-type(3)")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    page.wait_for_timeout(500)


def whole(page, path):
    answered(page)
    page.screenshot(path=path, full_page=True)


def window(page, path):
    answered(page)
    page.screenshot(path=path)


def part(page, place, path):
    # What stays in view as the page scrolls would lie over the picture.
    page.evaluate("document.querySelector('header').hidden = true")
    page.evaluate("document.getElementById('action').hidden = true")
    page.evaluate("document.getElementById('ask').style.maxHeight = 'none'")
    page.locator(place).screenshot(path=path)


def compared(page, path):
    """One pattern against all systems, side by side."""
    answered(page)
    page.click("#compare summary")
    page.click("#compare-go")
    page.wait_for_function(
        "() => document.getElementById('compare-words').innerText.includes('the best first')"
    )
    part(page, "#compare", path)


def crystal(page, path):
    """A known crystal, its zone axes, and what was understood along one of them."""
    page.click("#own-details > summary")
    page.wait_for_selector("#known option[value='GaN']", state="attached")
    page.select_option("#known", "GaN")
    page.wait_for_selector("#axes-picture input:checked")
    page.fill("#tension", "200")
    page.click("#own-read")
    page.wait_for_selector("#understood:not([hidden])")
    part(page, "#own", path)


PICTURES = {
    "page-light": (WIDE, "light", whole),
    "page-dark": (WIDE, "dark", whole),
    "page-narrow": (NARROW, "light", window),
    "page-compare": (WIDE, "light", compared),
    "page-crystal": (WIDE, "light", crystal),
}


def small(path):
    # A palette makes the file a third as large, and nobody sees it.
    Image.open(path).convert("RGB").quantize(192).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
