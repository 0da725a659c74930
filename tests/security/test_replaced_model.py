"""A model that is replaced or removed while requests run: what was accepted is right."""

import shutil

import pytest

from pacbed.library.installed import load_bundle
from pacbed.library.models.bundle import Bundle
from pacbed.library.models.model_files import DESCRIPTION
from pacbed.service.maps.worker import MapWorker
from tests.service.conftest import *  # noqa: F403
from tests.service.test_maps import as_npy, scan, start, wait  # noqa: F401

SYSTEM = 3


@pytest.fixture
def models(tmp_path):
    """Models of a data folder's system, the same one as comes with the program."""
    folder = tmp_path / "data" / str(SYSTEM) / "models"
    shutil.copytree(load_bundle(SYSTEM).folder, folder / "first")
    return folder


def test_a_map_is_made_with_the_model_that_it_was_accepted_with(
    make_client,
    scan,  # noqa: F811
    models,
    monkeypatch,
):
    client = make_client(data=models.parents[1])
    submit = MapWorker.submit

    def removing(self, folder, name):
        shutil.rmtree(models)
        return submit(self, folder, name)

    monkeypatch.setattr(MapWorker, "submit", removing)
    answer = start(client, as_npy(scan))
    assert answer.status_code == 202, answer.text
    assert wait(client, answer.json(), "done", "failed")["stage"] == "done"


def test_a_model_that_went_a_moment_ago_is_looked_for_again(
    make_client,
    scan,  # noqa: F811
    models,
):
    client = make_client(data=models.parents[1], reload_seconds=3600.0)
    assert client.get("/systems").status_code == 200  # the catalogue has looked, for an hour
    shutil.rmtree(models)
    answer = start(client, as_npy(scan))
    assert answer.status_code == 202, answer.text
    assert wait(client, answer.json(), "done", "failed")["stage"] == "done"


def test_a_copy_is_of_the_model_that_was_opened(models, tmp_path):
    bundle = Bundle.load(models / "first")
    copied = Bundle.load(bundle.copy_to(tmp_path / "copy"))
    assert copied.hashes == bundle.hashes
    assert copied.system == bundle.system
    assert {path.name for path in copied.folder.iterdir()} == {DESCRIPTION, *bundle.hashes}
