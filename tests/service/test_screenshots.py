"""The script that draws the pictures of the page in the documentation."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from tests.service.test_page import pytestmark  # noqa: F401


@pytest.fixture(scope="module")
def script(repository):
    found = importlib.util.spec_from_file_location(
        "screenshots", repository / "docs" / "screenshots.py"
    )
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_it_draws_every_picture_of_the_page_that_the_guides_show(script, repository):
    shown = {path.stem for path in (repository / "docs" / "images").glob("page-*.png")}
    assert shown == set(script.PICTURES)
    guides = "".join(path.read_text() for path in (repository / "docs").glob("*.md"))
    assert all(f"images/{name}.png" in guides for name in shown)


def test_it_runs(script, server, tmp_path):
    names = ["page-narrow", "page-crystal"]
    for path in script.main(server.url, names, tmp_path):
        picture = np.asarray(Image.open(path).convert("L"))
        assert min(picture.shape) > 150, path
        assert len(np.unique(picture)) > 20, path
