"""The cell as the beam sees it: as the service says it, and as the page draws it."""

import json

import numpy as np
import pytest

from pacbed.crystal.cif import read_cif
from pacbed.crystal.projection import project
from pacbed.own_crystal.columns import columns_of
from tests.service.test_page import browser, pytestmark  # noqa: F401

CRYSTALS = "tests/data/crystals"


def gan(repository, axis=(1, 1, 0)):
    with pytest.warns(UserWarning, match="Debye-Waller"):
        crystal = read_cif(repository / CRYSTALS / "GaN.cif", {})
    return project(crystal, axis)


def test_columns_lie_where_the_projected_cell_has_them(repository):
    cell = gan(repository)
    drawn = columns_of(cell)
    vectors = np.array(drawn["cell_A"])
    assert sorted(np.linalg.norm(vectors, axis=1)) == pytest.approx([2.762, 5.185], abs=1e-3)
    places = np.array([(column["x_A"], column["y_A"]) for column in drawn["columns"]])
    shares = places @ np.linalg.inv(vectors)
    assert np.all((shares > -1e-9) & (shares < 1))
    # Wurtzite along [11-20]: pairs of Ga and N, apart by their bond u·c.
    assert [column["symbol"] for column in drawn["columns"]].count("Ga") == 2
    ga, n = (places[[c["symbol"] == s for c in drawn["columns"]]] for s in ("Ga", "N"))
    nearest = min(np.linalg.norm(one - other) for one in ga for other in n)
    assert nearest < 2.0
    assert json.loads(json.dumps(drawn)) == drawn


def test_elements_of_one_column_are_disks_within_each_other(browser, server, repository):  # noqa: F811
    page = browser.new_page()
    page.goto(server.url)
    sizes = page.evaluate(
        """async projection => {
            const { drawProjection } = await import("./static/projected-cell.js");
            const figure = drawProjection("GaN", projection);
            const circles = [...figure.querySelectorAll("svg:not(.swatch) circle")];
            return circles.map((c) => Number(c.getAttribute("r")));
        }""",
        columns_of(gan(repository, (0, 0, 1))),
    )
    page.close()
    assert min(sizes) < 0.7 * max(sizes)


def test_the_page_draws_two_by_two_cells(browser, server, repository):  # noqa: F811
    page = browser.new_page()
    page.goto(server.url)
    drawn = page.evaluate(
        """async projection => {
            const { drawProjection } = await import("./static/projected-cell.js");
            const figure = drawProjection("GaN", projection);
            const circles = [...figure.querySelectorAll("svg:not(.swatch) circle")];
            const box = figure.querySelector("svg").getAttribute("viewBox").split(" ").map(Number);
            return {
                caption: figure.querySelector("figcaption").textContent,
                label: figure.querySelector("svg").getAttribute("aria-label"),
                colours: new Set(circles.map((c) => c.getAttribute("fill"))).size,
                inside: circles.every((c) => (
                    Number(c.getAttribute("cx")) >= 0 && Number(c.getAttribute("cx")) <= box[2] &&
                    Number(c.getAttribute("cy")) >= 0 && Number(c.getAttribute("cy")) <= box[3])),
                count: circles.length };
        }""",
        columns_of(gan(repository)),
    )
    page.close()
    # Four columns in each of four cells, and one of Ga on a border that is drawn across as well.
    assert drawn["count"] == 18
    assert drawn["colours"] == 2
    assert drawn["inside"]
    assert drawn["caption"].split() == ["2", "Ga", "2", "N", "in", "a", "cell"]
    assert "GaN along the beam" in drawn["label"]
