"""What the client's tests share: a stand-in service, and the folder with the examples."""

import os

import pytest

from standin_gms import StandInGMS
from standin_service import running_service


@pytest.fixture
def service():
    """A stand-in service on a free port."""
    with running_service() as running:
        yield running


@pytest.fixture(scope="session")
def examples():
    """Folder with the GMS scripts and notebooks."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples")


@pytest.fixture
def gms(service):
    """A stand-in for DigitalMicrograph that knows the address of the stand-in service."""
    stand_in = StandInGMS()
    stand_in.dm.persistent._set("PACBED:Settings:url", service.url)
    return stand_in
