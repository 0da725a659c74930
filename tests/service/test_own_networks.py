"""docs/own-networks.md: its commands, run one after the other on a crystal that is not shipped."""

import json
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from pacbed.library.register.rows import read_register, register_models
from tests.cli_tools import succeed

#: What makes the recipe that the page writes small enough for a test.
SMALL = {
    r"convergence_mrad = .*": "convergence_mrad = [18.0, 21.0]",
    r"thickness_nm = .*": "thickness_nm = [1.0, 30.0]",
    r"mistilt_mrad = .*": "mistilt_mrad = [0.0, 3.0]",
    r"direction_step_mrad = .*": "direction_step_mrad = 2.0",
    r"thickness_step_nm = .*": "thickness_step_nm = 2.0",
    r"slice_angstrom = .*": "slice_angstrom = 4.0",
    r"g_max = .*": "g_max = 3.5",
    r"samples = .*": "samples = 2048",
    r"batch_size = .*": "batch_size = 64",
    r"workers = .*": "workers = 0",
}


def commands(page: Path) -> list[list[str]]:
    """The page's indented lines, as the shell would split them."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"(?m)^    ((?:pacbed|curl|pip) .*)$", text)]


def make_small(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    for pattern, line in SMALL.items():
        text, count = re.subn(f"(?m)^{pattern}$", line, text)
        assert count == 1, pattern
    recipe.write_text(text, encoding="utf-8")


def ask(client, words: list[str]) -> dict:
    """Send what curl would."""
    fields = dict(word.split("=", 1) for flag, word in pairwise(words) if flag == "-F")
    file = Path(fields["file"].removeprefix("@"))
    path = "/" + words[0].split("/", 3)[3]
    response = client.post(
        path,
        data={"parameters": fields["parameters"]},
        files={"file": (file.name, file.read_bytes())},
    )
    assert response.status_code == 200, response.text
    return dict(response.json())


@pytest.mark.slow
def test_the_page_works_as_written(repository, tmp_path, monkeypatch, make_client):
    monkeypatch.chdir(tmp_path)
    shutil.copy(repository / "tests" / "data" / "crystals" / "Si.cif", "Si.cif")
    listed = commands(repository / "docs" / "own-networks.md")
    done: list[str] = []
    client = None
    for program, *words in listed:
        name = " ".join([program, *words[:1]])
        if program == "curl":
            answer = ask(client, words)
            assert answer["system"] == "si-110-200kV"
            assert {"thickness", "mistilt", "thickness_nm", "status"} <= answer.keys()
        elif name == "pacbed serve":
            client = make_client(data=Path(words[words.index("--data") + 1]))
            assert 4 in [system["id"] for system in client.get("/systems").json()]
        elif program == "pacbed":
            output = succeed(*words)
            check(name, output)
        done.append(name)
    assert done == [
        *("pip install", "pacbed recipe", "pacbed simulate", "pacbed train", "pacbed systems"),
        *(
            "pacbed serve",
            "pacbed pattern",
            "pacbed infer",
            "curl http://localhost:8230/inference/",
        ),
        *("pacbed systems", "pacbed systems"),
    ]
    assert read_register(Path("data")) == []
    assert not Path("data", "4").exists()


def check(name: str, output: str) -> None:
    """What the page says of a command."""
    data = Path("data")
    if name == "pacbed recipe":
        make_small(Path("si-110-200kV.toml"))
    elif name == "pacbed simulate":
        (row,) = read_register(data)
        assert (row.id, row.material, row.zone_axis) == (4, "Silicon", (1, 1, 0))
        assert {path.name for path in (data / "4").iterdir()} == {
            *("crystal_file.cif", "recipe.toml", "simulation", "models"),
        }
        assert output.startswith("4 si-110-200kV\n")
    elif name == "pacbed train":
        (model,) = register_models(data, 4)
        assert model.folder == data / "4" / "models" / "si-110-200kV"
        bundle = json.loads((model.folder / "bundle.json").read_text(encoding="utf-8"))
        assert bundle["system"]["id"] == 4
        assert (model.folder / "training" / "training.csv").is_file()
    elif name == "pacbed infer":
        assert "si-110-200kV" in output
