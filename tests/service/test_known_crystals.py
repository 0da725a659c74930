"""Crystals that need no file, from the service: listed, as CIFs, and made into systems."""

import pytest
from starlette.testclient import TestClient

from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from tests.service.conftest import URL
from tests.service.test_own_systems import SMALL


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(Settings(threads=1, own_systems="on")), URL) as client:
        yield client


def test_the_list_is_searched(client):
    every = client.get("/crystals/").json()
    assert len(every) >= 38
    (found,) = client.get("/crystals/", params={"q": "gallium nitride"}).json()
    assert found["name"] == "GaN"
    assert found["zone_axes"][0] == {"axis": "1 1 -2 0", "known_as": ""}
    assert found["b_estimated"] is True
    assert client.get("/crystals/", params={"q": "x" * 300}).status_code == 422


def test_a_crystal_is_a_cif_that_the_service_itself_understands(client):
    answer = client.get("/crystals/GaN")
    assert answer.headers["content-type"].startswith("chemical/x-cif")
    assert 'filename="GaN.cif"' in answer.headers["content-disposition"]
    files = {"file": ("GaN.cif", answer.content)}
    asked = SMALL | {"zone_axis": "1 1 -2 0"}
    understood = client.post("/systems/understood", data=asked, files=files).json()["understood"]
    assert understood["formula"] == "GaN"
    assert understood["warnings"] == []
    lines = dict(understood["lines"])
    assert "Solid State Commun." in lines["Source"]
    assert lines["B source"].startswith("estimated")


@pytest.mark.parametrize("name", ["Unobtainium", "..%2Fentry.py", "GaN.toml"])
def test_a_name_that_is_none_is_not_found(client, name):
    assert client.get(f"/crystals/{name}").status_code == 404
