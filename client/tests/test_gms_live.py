"""The live loop in DigitalMicrograph, with stand-ins for it and for the service."""

import os
import runpy
import sys

import numpy as np
import pytest

from pacbedclient import gms_live

PATTERN = np.full((3, 4), 42, np.uint16)


def running(gms, steps, **settings):
    """Run the loop; before each wait the next step is done, after the last one it is stopped."""
    left = list(steps)

    def sleep(seconds):
        assert seconds <= 0.2
        if left:
            left.pop(0)()
        else:
            gms_live.toggle(gms.dm)

    tags = gms.dm.persistent
    tags.SetTagAsString("PACBED:Settings:system", "sto-001-200kV")
    tags.SetTagAsFloat("PACBED:Settings:convergence_mrad", 13.6)
    return gms_live.toggle(gms.dm, interval_s=0.2, sleep=sleep, **settings)


def test_the_front_image_is_inferred_when_it_changes(gms, service):
    front = gms.show(PATTERN)

    def change():
        front.pixels[:] = 50

    assert running(gms, [lambda: None, change, lambda: None]) == 2
    assert front.labels() == ["50.0 +/- 1.5 nm, 5.0 +/- 0.4 mrad (ambiguous)"]
    assert front.GetTagGroup().value("PACBED:thickness_nm") == 50.0
    asked = [request["parameters"] for request in service.requests]
    assert [a["system"] for a in asked] == ["sto-001-200kV"] * 2
    assert asked[0]["convergence_angle"] == pytest.approx(13.6)
    assert not asked[0]["validation"]
    # It can be begun again.
    assert gms.dm.persistent.value("PACBED:Live:seen_s") == ""
    assert running(gms, []) == 1


def test_the_overlay_says_where_to_tilt(gms, service):
    front = gms.show(PATTERN)
    running(gms, [], directions_deg=(0.0, 90.0))
    assert (
        front.labels()[0].split("\n")[1]
        == "tilt alpha by -0.17, beta by -0.23 deg (+/- 0.02, 0.03)"
    )
    assert len(service.requests[-1]["parameters"]["patterns"]) == 3


def test_what_goes_wrong_is_said_and_the_loop_goes_on(gms, service):
    front = gms.show(np.full((3, 4), np.nan, np.float32))

    def mend():
        front.pixels[:] = 7

    assert running(gms, [mend]) == 1
    assert front.labels()[0].startswith("7.0 +/- 1.5 nm")


def test_faults_stand_on_the_picture(gms, service):
    front = gms.show(np.full((3, 4), np.nan, np.float32))
    assert running(gms, []) == 0
    assert front.labels()[0].startswith("PACBED: ")


def test_without_an_image_or_annotations_it_goes_on(gms, service, monkeypatch):
    assert running(gms, [lambda: None]) == 0
    front = gms.show(PATTERN)
    monkeypatch.setattr(type(gms.dm), "NewTextAnnotation", None)
    assert running(gms, []) == 1
    assert front.labels() == []
    assert gms.dm.results[-1].startswith("42.0 +/- 1.5 nm")


def test_the_example_runs_as_it_is(gms, service, examples, monkeypatch):
    monkeypatch.setitem(sys.modules, "DigitalMicrograph", gms.dm)
    called = []
    monkeypatch.setattr(gms_live, "toggle", lambda DM, **settings: called.append((DM, settings)))
    runpy.run_path(os.path.join(examples, "pacbed_live.py"))
    assert called == [(gms.dm, {"interval_s": 1.0, "directions_deg": None})]
