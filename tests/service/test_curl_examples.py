"""Every example for curl is run as it would be pasted, against a real server."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.service.dm4 import dm4_bytes

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="examples for curl are NOT run: curl was not found"
)

#: What `server` of the examples is.
HERE = "http://localhost:8230"
#: What an answer of each route holds; what goes on after the answer is stopped below its address.
HOLDS = {
    "/inference/": "thickness_nm",
    "/stage/": "axes",
    "/maps/": "id",
    "/systems/": "id",
    "/systems/understood": "understood",
    "/systems/zone_axes": "zone_axes",
}
GOES_ON = {"/maps/": "/maps/{id}", "/systems/": "/systems/jobs/{id}"}


def of_the_description(server):
    """Indented paragraphs of descriptions, as `docs.js` shows them."""
    described = json.loads(server.get("/openapi.json"))
    routes = [route for methods in described["paths"].values() for route in methods.values()]
    for block in "\n\n".join(route.get("description", "") for route in routes).split("\n\n"):
        if block.startswith("    "):
            yield re.sub(r"(?m)^ {4}", "", block)


def of_the_documents(repository):
    """What stands in the page for programs, and in the guides."""
    page = (repository / "src/pacbed/service/static/docs.html").read_text()
    yield from map(html.unescape, re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.S))
    for guide in (repository / "README.md", *(repository / "docs").glob("*.md")):
        # The examples of the one are about a system of its own (test_own_networks.py), those of
        # the other are made from the descriptions.
        if guide.name not in ("own-networks.md", "http.md"):
            text = re.sub(r"(?m)^ {4}", "", guide.read_text())
            yield from re.findall(r"(?m)^curl (?:.*\\\n)*.*", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, repository, example):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "pattern.dm4").write_bytes(dm4_bytes(example))
    example.tofile(folder / "pattern.raw")
    shutil.copy(repository / "tests/data/crystals/GaN.cif", folder)
    small = example.reshape(64, 4, 64, 4).mean(axis=(1, 3)).astype("float32")
    np.save(folder / "scan.npy", np.broadcast_to(small, (8, 8, 64, 64)))
    return folder


def test_examples_work_as_they_are_pasted(server, repository, folder):
    texts = [*of_the_description(server), *of_the_documents(repository)]
    found = {
        " ".join(text.replace("\\\n", "").split()): text
        for text in texts
        if text.startswith("curl ")
    }
    routes = set()
    for text in found.values():
        route = re.search(rf"{HERE}(/\S*)", text)[1]
        done = subprocess.run(
            ["sh", "-c", text.replace(HERE, server.url)],
            cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (text, done.stderr)
        answer = json.loads(done.stdout)
        assert HOLDS[route] in answer, (text, answer)
        if route in GOES_ON:
            address = server.url + GOES_ON[route].format(**answer)
            subprocess.run(["curl", "-sS", "-X", "DELETE", address], check=True, timeout=60)
        routes.add(route)
    assert routes == set(HOLDS)
