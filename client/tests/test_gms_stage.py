"""Where to tilt in DigitalMicrograph: calibrated in the window, said there, live and on images."""

import json

import numpy as np

from pacbedclient import gms_live
from test_gms_window import open_window

PATTERN = np.full((3, 4), 42, np.uint16)
STAGE = "Microscope Info:Stage Position:Stage "
#: The stand-in's answers have the zone axis at x = 3 and y = 4 mrad.
GUIDANCE = "tilt alpha by -0.17, beta by -0.23 deg (+/- 0.02, 0.03)"
OPEN = "; a sign is open: infer there, and add it"


def take(gms, script, alpha=None, beta=None):
    """Show a pattern, taken at angles of the stage that its tags hold, and infer it."""
    image = gms.show(PATTERN, voltage_V=200000)
    for name, angle in (("Alpha", alpha), ("Beta", beta)):
        if angle is not None:
            image.GetTagGroup().SetTagAsFloat(STAGE + name, angle)
    script.press(gms.window, "OnFrontImage")
    script.press(gms.window, "OnInfer")
    # The picture of the answer comes to the front; the pattern stays the window's.
    return image


def kept(gms):
    return json.loads(gms.note("PACBED:Stage:patterns"))


def test_two_answers_calibrate_the_stage_and_every_next_one_says_where_to_tilt(
    gms, service, examples
):
    script = open_window(gms, examples)
    take(gms, script, 0.5, -0.25)
    assert gms.titles()["#guidance"] == ""
    assert (gms.element("#alpha").value, gms.element("#beta").value) == (0.5, -0.25)
    script.press(gms.window, "OnAddToStage")
    assert gms.titles()["#guidance"].startswith("Tilt alpha and beta by 0.5 to 1 degree each")
    # Where the file does not say the angles, those that are typed count.
    take(gms, script)
    gms.element("#alpha").value, gms.element("#beta").value = 1.5, 0.75
    script.press(gms.window, "OnAddToStage")
    assert gms.titles()["#guidance"] == GUIDANCE + OPEN
    assert [(p["alpha_deg"], p["beta_deg"]) for p in kept(gms)] == [(0.5, -0.25), (1.5, 0.75)]
    image = take(gms, script, 2.0, 1.0)
    assert gms.titles()["#guidance"] == GUIDANCE + OPEN
    assert image.labels() == [GUIDANCE + OPEN]
    assert service.requests[-1]["parameters"]["seen"][0]["alpha_deg"] == 2.0
    script.press(gms.window, "OnAddToStage")
    assert gms.titles()["#guidance"] == GUIDANCE
    # One text at a time lies on an image, and its tags hold the same.
    assert image.labels() == [GUIDANCE]
    image = take(gms, script, 2.0, 1.0)
    assert image.GetTagGroup().value("PACBED:guide_alpha_deg") < -0.17
    # The window remembers it, and the live script takes it.
    open_window(gms, examples)
    assert len(kept(gms)) == 3
    front = gms.show(PATTERN)
    tags = gms.dm.persistent
    assert gms_live.toggle(gms.dm, interval_s=0.1, sleep=lambda _: gms_live.toggle(gms.dm)) == 1
    assert front.labels()[0].split("\n")[1] == GUIDANCE
    assert tags.value("PACBED:Live:seen_s") == ""
    assert gms.messages == []


def test_forgotten_is_forgotten(gms, service, examples):
    script = open_window(gms, examples)
    for alpha in (0.0, 1.0):
        take(gms, script, alpha, alpha)
        script.press(gms.window, "OnAddToStage")
    script.press(gms.window, "OnForgetStage")
    assert "not calibrated" in gms.titles()["#guidance"]
    image = take(gms, script, 2.0, 2.0)
    assert gms.titles()["#guidance"] == ""
    assert image.labels() == []


def test_what_cannot_be_added_is_said(gms, service, examples):
    script = open_window(gms, examples)
    script.press(gms.window, "OnAddToStage")
    assert "Take the front image" in gms.messages[-1]
    front = gms.show(PATTERN, voltage_V=200000)
    script.press(gms.window, "OnFrontImage")
    script.press(gms.window, "OnAddToStage")
    assert "Infer it first" in gms.messages[-1]
    script.press(gms.window, "OnInfer")
    front.GetTagGroup().SetTagAsString("PACBED:status", "out_of_range")
    script.press(gms.window, "OnAddToStage")
    assert "must not be used: out of range" in gms.messages[-1]
    front.GetTagGroup().SetTagAsString("PACBED:status", "ok")
    script.press(gms.window, "OnAddToStage")
    # What the service refuses is not kept.
    service.behave = lambda handler: handler.reply(422, {"detail": "hardly moved"}) or True
    script.press(gms.window, "OnAddToStage")
    assert "hardly moved" in gms.messages[-1]
    assert len(kept(gms)) == 1
    gms.dm.remove(front)
    script.press(gms.window, "OnAddToStage")
    assert "closed" in gms.messages[-1]
    assert not gms.tracebacks


def test_a_broken_tag_is_begun_anew(gms, service, examples):
    script = open_window(gms, examples)
    gms.dm.persistent.SetTagAsString("PACBED:Stage:patterns", "{")
    take(gms, script, 0.0, 0.0)
    script.press(gms.window, "OnAddToStage")
    assert len(kept(gms)) == 1
