"""The minimal script for GMS, run by the stand-ins; what both scripts must keep to."""

import os
import re

import numpy as np
import pytest

from standin_service import PICTURE

PATTERN = np.full((3, 4), 42, np.uint16)
SCRIPTS = ["pacbed_minimal.s", "pacbed_window.s"]


def run_minimal(gms, examples, url, **settings):
    script = gms.load(os.path.join(examples, "pacbed_minimal.s"))
    # The settings stand at the top of the script, for the user to change.
    settings["url"] = url
    for name, value in settings.items():
        for number, part in enumerate(script.parts):
            if part[:1] == ("declare",) and part[2] == name.lower():
                script.parts[number] = (*part[:3], ("constant", value))
                break
        else:
            raise AssertionError(name)
    script.run()


def read(examples, name):
    with open(os.path.join(examples, name), encoding="utf-8") as file:
        return file.read()


def test_the_minimal_script_stores_and_shows_the_result(gms, service, examples):
    front = gms.show(PATTERN)
    run_minimal(gms, examples, service.url)
    (text,) = gms.messages
    assert "Thickness: 42.0 +/- 1.5 nm (95 %: 39.0 to 45.0 nm)" in text
    assert "Mistilt: 5.0 +/- 0.4 mrad" in text
    assert "Ambiguous" in text
    assert "the network is young" in text
    tags = front.GetTagGroup()
    assert tags.value("PACBED:thickness_nm") == 42.0
    assert tags.value("PACBED:thickness_std_nm") == 1.5
    assert tags.value("PACBED:thickness_low95_nm") == 39.0
    assert tags.value("PACBED:status") == "ambiguous"
    picture = gms.dm.named("PACBED of front")
    assert np.array_equal(picture.pixels, PICTURE)
    assert picture.GetTagGroup().value("PACBED:thickness_nm") == 42.0
    assert picture.GetTagGroup().value("thickness") == 420.0
    assert sorted(i.name for i in gms.dm.images.values()) == ["PACBED of front", "front"]
    request = service.requests[-1]["parameters"]
    assert request["system"] == "sto-001-200kV"
    assert request["convergence_angle"] == 13.6
    assert np.array_equal(front.pixels, PATTERN)


@pytest.mark.parametrize(
    "name", ["it's", '"', "\\", "a\nb", "'); raise SystemExit #", "ä€ – 結晶", "", "%s{0}", "\t\r"]
)
def test_no_text_can_break_out_of_the_script(gms, service, examples, name):
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url, systemName=name)
    assert service.requests[-1]["parameters"]["system"] == name
    (text,) = gms.messages
    assert text.startswith("PACBED: there is no system")
    text.encode("ascii")
    assert not gms.tracebacks


def test_without_an_image(gms, service, examples):
    run_minimal(gms, examples, service.url)
    assert gms.messages == ["PACBED: show a pattern first."]
    assert not gms.python


def test_a_stack_is_refused_in_words(gms, service, examples):
    gms.show(np.ones((2, 3, 4), np.uint16))
    run_minimal(gms, examples, service.url)
    assert "two dimensions" in gms.messages[0]


def test_complex_images_are_refused_in_words(gms, service, examples):
    gms.show(np.ones((3, 4), np.complex64))
    run_minimal(gms, examples, service.url)
    assert "complex" in gms.messages[0]


def test_the_service_cannot_be_reached(gms, examples):
    gms.show(PATTERN)
    run_minimal(gms, examples, "http://127.0.0.1:9")
    assert "is the service running there?" in gms.messages[0]


def test_the_service_is_silent(gms, service, examples):
    gms.show(PATTERN)
    service.behave = lambda handler: handler.rfile.read(10**6)
    run_minimal(gms, examples, service.url, timeLimit_s=0.3)
    assert "has not answered within 0.3 s" in gms.messages[0]


def test_an_address_that_is_none(gms, examples):
    gms.show(PATTERN)
    run_minimal(gms, examples, "localhost")
    assert "http://localhost:8230" in gms.messages[0]


def test_an_answer_without_a_picture(gms, service, examples):
    def behave(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.reply(200, {"thickness": 420, "mistilt": 5, "scale": 1})
        return True

    service.behave = behave
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url)
    assert "Thickness: 42.0 nm" in gms.messages[0]
    assert len(gms.dm.images) == 1


@pytest.mark.parametrize("python_error", ["throw", "ignore"])
def test_python_does_not_run(gms, service, examples, python_error):
    gms.python_error = python_error
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url, timeLimit_s=3)
    assert gms.messages[0].startswith("PACBED: Python ")
    assert gms.slept < 10


def test_the_package_is_missing(gms, service, examples, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pacbedclient", None)
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url)
    assert "pacbedclient" in gms.messages[0]
    assert "Error" in gms.messages[0]


def test_an_old_reply_is_not_taken_for_a_new_one(gms, service, examples):
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url)
    gms.python_error = "ignore"
    run_minimal(gms, examples, service.url, timeLimit_s=1)
    assert "did not reply" in gms.messages[1]


def test_numbers_of_requests_stay_whole(gms, service, examples):
    gms.dm.persistent._set("PACBED:Requests", 99999.0)
    gms.show(PATTERN)
    run_minimal(gms, examples, service.url)
    assert "gms.infer(DM, 1, " in gms.python[0]
    assert "42.0" in gms.messages[0]


def test_both_scripts_share_their_functions(examples):
    """DMScript includes no other file, so that the same text stands in both."""
    shared = [
        re.search(
            r"(?s)// ---- Python from DMScript.*?(?=// ---- (The example|Settings and))", text
        )
        for text in (read(examples, name) for name in SCRIPTS)
    ]
    assert shared[0].group() == shared[1].group()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_ascii(examples, name):
    """GMS reads scripts in the code page of the computer."""
    read(examples, name).encode("ascii")
