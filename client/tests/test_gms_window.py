"""The script with a window for GMS, run by the stand-ins of DMScript and DigitalMicrograph."""

import os

import numpy as np

from standin_service import PICTURE, SYSTEMS

PATTERN = np.full((3, 4), 42, np.uint16)


def open_window(gms, examples):
    script = gms.load(os.path.join(examples, "pacbed_window.s"))
    script.run()
    return script


def test_the_window_lists_the_systems_of_the_service(gms, examples):
    open_window(gms, examples)
    labels = gms.element("#system").labels
    assert labels[0] == "Strontium titanate [001] 200 kV"
    assert labels[1] == 'M?ller\'s "?\\?" [1 -1 0] 100 kV'
    with open(os.path.join(examples, "pacbed_window.s"), encoding="ascii") as file:
        text = file.read().lower()
    for word in ("strontium", "rutile", "sto-"):
        assert word not in text


def test_every_button_has_its_method(gms, examples):
    open_window(gms, examples)
    assert len(gms.actions()) == 5
    for action in gms.actions():
        assert action.lower() in gms.window.methods


def test_the_window_infers_the_front_image(gms, service, examples):
    script = open_window(gms, examples)
    front = gms.show(PATTERN, voltage_V=100000, name="odd")
    script.press(gms.window, "OnFrontImage")
    titles = gms.titles()
    assert titles["#pattern"] == "odd"
    assert titles["#voltage"] == "High tension: 100 kV"
    assert gms.element("#system").value == 1  # that of 100 kV
    gms.element("#convergence").value = 12.5
    script.press(gms.window, "OnInfer")
    titles = gms.titles()
    assert titles["#thickness"] == "Thickness: 42.0 +/- 1.5 nm (95 %: 39.0 to 45.0 nm)"
    assert titles["#mistilt"] == "Mistilt: 5.0 +/- 0.4 mrad"
    assert titles["#status"].startswith("Ambiguous")
    assert titles["#warnings"] == "the network is young"
    assert gms.messages == []
    assert np.array_equal(gms.dm.named("PACBED of odd").pixels, PICTURE)
    assert front.GetTagGroup().value("PACBED:system") == SYSTEMS[1]["name"]
    assert service.requests[-1]["parameters"]["convergence_angle"] == 12.5


def test_the_window_remembers(gms, examples):
    script = open_window(gms, examples)
    gms.show(PATTERN, voltage_V=100000)
    script.press(gms.window, "OnFrontImage")
    gms.element("#convergence").value = 12.5
    script.press(gms.window, "OnInfer")
    open_window(gms, examples)
    assert gms.element("#convergence").value == 12.5
    assert gms.element("#system").value == 1


def test_the_window_acquires(gms, service, examples):
    script = open_window(gms, examples)
    gms.camera = PATTERN + 1
    gms.element("#exposure").value = 0.5
    script.press(gms.window, "OnAcquire")
    assert gms.titles()["#voltage"] == "High tension: 200 kV"
    assert gms.element("#system").value == 0
    script.press(gms.window, "OnInfer")
    assert gms.titles()["#thickness"].startswith("Thickness: 43.0")
    assert gms.messages == []


def failing(gms, script, action):
    script.press(gms.window, action)
    assert gms.titles()["#status"] in gms.messages[-1]
    return gms.messages[-1]


def test_everything_that_can_go_wrong_in_the_window_is_said(gms, service, examples):
    script = open_window(gms, examples)
    assert "There is no image" in failing(gms, script, "OnFrontImage")
    assert "Take the front image" in failing(gms, script, "OnInfer")
    assert "camera" in failing(gms, script, "OnAcquire")
    gms.element("#exposure").value = 0
    assert "exposure" in failing(gms, script, "OnAcquire")
    gms.show(np.ones((2, 3, 4), np.uint8))
    assert "two dimensions" in failing(gms, script, "OnFrontImage")
    front = gms.show(PATTERN)
    script.press(gms.window, "OnFrontImage")
    assert gms.titles()["#voltage"] == "High tension: not in the tags of this image"
    gms.element("#convergence").value = 30
    assert "from 8 to 25 mrad" in failing(gms, script, "OnInfer")
    gms.element("#convergence").value = 20
    service.behave = lambda handler: handler.reply(500, {"detail": "out of order"}) or True
    assert "out of order" in failing(gms, script, "OnInfer")
    gms.dm.remove(front)
    assert "closed" in failing(gms, script, "OnInfer")
    assert not gms.tracebacks


def test_another_high_tension_is_asked_about(gms, service, examples):
    script = open_window(gms, examples)
    gms.show(PATTERN, voltage_V=300000)
    script.press(gms.window, "OnFrontImage")
    before = len(service.requests)
    gms.answers = [0, 1]
    script.press(gms.window, "OnInfer")
    assert "300 kV" in gms.questions[0]
    assert len(service.requests) == before
    script.press(gms.window, "OnInfer")
    assert len(service.requests) == before + 1


def test_the_address_is_asked_for_until_the_service_answers(gms, service, examples):
    gms.dm.persistent._set("PACBED:Settings:url", "http://127.0.0.1:9")
    gms.answers = [(True, "nonsense'"), (True, service.url)]
    open_window(gms, examples)
    assert len(gms.messages) == 2
    assert gms.note("PACBED:Settings:url") == service.url
    assert gms.window is not None


def test_the_user_gives_up(gms, service, examples):
    gms.dm.persistent._set("PACBED:Settings:url", "http://127.0.0.1:9")
    gms.answers = [(False, "")]
    open_window(gms, examples)
    assert gms.window is None


def test_a_service_without_systems(gms, service, examples):
    service.behave = lambda handler: handler.reply(200, []) or True
    gms.answers = [(False, "")]
    open_window(gms, examples)
    assert gms.messages == ["PACBED: The service has no systems."]
