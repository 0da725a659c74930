"""The documentation as a whole, without building its site: `make docs` does that."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

#: Pages that lie beside `docs` and are part of the site, or lead into it.
BESIDE = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md", "client/README.md"]
#: Of a tutorial's text: links to other pages of the site.
ROLE = re.compile(r":doc:`(?:[^`<]*<)?([^`>]+)>?`")
FENCE = re.compile(r"(?ms)^(`{3,}).*?^\1$")


@pytest.fixture(scope="module")
def pages(repository):
    """Every page, by its path."""
    found = [*sorted((repository / "docs").glob("*.md")), *(repository / name for name in BESIDE)]
    return {path: path.read_text(encoding="utf-8") for path in found}


@pytest.fixture(scope="module")
def outside(repository):
    """What the site brings in from beside `docs`: its names, by their place."""
    tree = ast.parse((repository / "docs" / "site_pages.py").read_text(encoding="utf-8"))
    (value,) = (
        node.value for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OUTSIDE"
    )  # fmt: skip
    return ast.literal_eval(value)


def anchors(text):
    """Anchors of a page's headings, as a code host and MyST make them."""
    found = Counter()
    slugs = []
    for title in re.findall(r"(?m)^#{1,6} +(.+?) *$", FENCE.sub("", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        slugs.append(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return slugs


def test_every_page_is_in_one_list_of_the_index_and_every_entry_is_a_page(repository, outside):
    docs = repository / "docs"
    lists = re.findall(r"(?s)```\{toctree\}\n(.*?)```", (docs / "index.md").read_text("utf-8"))
    lines = [line for part in lists for line in part.splitlines() if line and line[0] != ":"]
    entries = [re.sub(r".*<(.+)>$", r"\1", line) for line in lines]
    own = {path.stem for path in docs.glob("*.md")} - {"index"}
    assert sorted(entries) == sorted([*own, "made/tutorials/index", *outside.values()])
    assert all((repository / place).is_file() for place in outside)
    assert (docs / "tutorials" / "README.rst").is_file()


def test_every_link_of_a_page_leads_somewhere(pages):
    wrong = []
    for page, text in pages.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
            if re.match(r"(https?|mailto):", target):
                continue
            name, _, anchor = target.partition("#")
            there = (page.parent / name).resolve() if name else page
            if not there.exists() or (anchor and anchor not in anchors(there.read_text("utf-8"))):
                wrong.append(f"{page.name}: {target}")
    assert not wrong


def test_every_page_that_a_tutorial_names_is_there(repository):
    tutorials = repository / "docs" / "tutorials"
    for script in tutorials.glob("plot_*.py"):
        text = script.read_text(encoding="utf-8")
        assert re.match(r'"""\n(.+)\n=+\n', text), script
        for name in ROLE.findall(text):
            folder, ending = (tutorials.parent, ".md") if name[0] == "/" else (tutorials, ".py")
            assert Path(folder, name.strip("/") + ending).is_file(), (script.name, name)
        for picture in re.findall(r"thumbnail_path = '(.+)'", text):
            assert (tutorials.parent / picture).is_file()


def test_names_that_lead_nowhere_would_be_seen():
    assert anchors("# A, b `c`\n```\n# no\n```\n## A, b `c`\n## POST /x/\n") == [
        "a-b-c", "a-b-c-1", "post-x",
    ]  # fmt: skip
