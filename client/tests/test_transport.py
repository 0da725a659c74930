"""What can go wrong between client and service, and that no call waits longer than it may."""

import email.utils
import time

import numpy as np
import pytest

from pacbedclient import (
    AnswerError,
    Client,
    PacbedClientError,
    RequestRefusedError,
    ServiceBusyError,
    ServiceFailedError,
    ServiceUnreachableError,
)

PATTERN = np.full((3, 4), 42, np.uint16)


def infer(service, **options):
    return Client(service.url, **options).infer(PATTERN, 13.6, system=2)


def answering(status, answer, headers=(), times=10**9):
    """A behaviour: this answer, a number of times."""
    left = [times]

    def behave(handler):
        if left[0] == 0:
            return False
        left[0] -= 1
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.reply(status, answer, headers)
        return True

    return behave


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"code": "pattern", "detail": "all pixels are equal"}, "all pixels are equal"),
        ({"message": "no"}, "^no "),
        ({"error": {"message": "nested"}}, "^nested "),
        ({"detail": [{"loc": ["a"], "msg": "one"}, {"msg": "two"}]}, "^one; two "),
        ({"detail": {"msg": "deep"}}, "^deep "),
        ({"detail": None}, "no reason"),
        ([1, 2], "no reason"),
        (b"<html>Bad Gateway</html>", "no reason"),
        (b"\xff\xfe", "no reason"),
    ],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefusedError),
        (413, RequestRefusedError),
        (422, RequestRefusedError),
        (500, ServiceFailedError),
        (504, ServiceFailedError),
    ],
)
def test_errors_carry_the_servers_message(service, status, kind, answer, words):
    service.behave = answering(status, answer)
    with pytest.raises(kind, match=words) as caught:
        infer(service)
    assert caught.value.status == status
    assert caught.value.code == (answer.get("code", "") if isinstance(answer, dict) else "")
    assert isinstance(caught.value, PacbedClientError)


def test_errors_in_plain_text(service):
    service.behave = answering(413, b"Content Too Large", [("Content-Type", "text/plain")])
    with pytest.raises(RequestRefusedError, match=r"^Content Too Large \(status 413\)$"):
        infer(service)
    service.behave = answering(599, b"", [("Content-Type", "text/plain")])
    with pytest.raises(ServiceFailedError, match=r"^Error; the service gives no reason"):
        infer(service)


def test_redirections_are_not_followed(service):
    service.behave = answering(302, {"detail": "elsewhere"}, [("Location", "http://example.org/")])
    with pytest.raises(RequestRefusedError, match="elsewhere"):
        infer(service)


def test_a_busy_service_is_asked_again_when_it_says(service):
    service.behave = answering(503, {"detail": "full"}, [("Retry-After", "0.3")], times=2)
    begin = time.monotonic()
    assert infer(service).thickness_nm == 42.0
    assert 0.6 <= time.monotonic() - begin < 5


def test_a_date_in_retry_after(service):
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    service.behave = answering(503, {"detail": "full"}, [("Retry-After", date)], times=1)
    begin = time.monotonic()
    infer(service)
    assert 0.8 <= time.monotonic() - begin < 5


@pytest.mark.parametrize("header", [(), (("Retry-After", "soon"),), (("Retry-After", "-3"),)])
def test_a_busy_service_that_does_not_say_when(service, header):
    service.behave = answering(503, {"detail": "full"}, header, times=2)
    begin = time.monotonic()
    infer(service)
    assert time.monotonic() - begin < 5


def test_retries_end(service):
    service.behave = answering(503, {"detail": "full"}, [("Retry-After", "0")])
    with pytest.raises(ServiceBusyError, match="full") as caught:
        infer(service, retries=3)
    assert caught.value.retry_after_s == 0
    with pytest.raises(ServiceBusyError, match="full"):
        infer(service, retries=0)


def test_no_retry_that_would_end_after_the_time_limit(service):
    service.behave = answering(503, {"detail": "full"}, [("Retry-After", "3600")])
    begin = time.monotonic()
    with pytest.raises(ServiceBusyError) as caught:
        infer(service, timeout_s=5)
    assert time.monotonic() - begin < 2
    assert caught.value.retry_after_s == 3600


def test_only_503_is_retried(service):
    asked = []

    def behave(handler):
        asked.append(handler.path)
        return answering(500, {"detail": "broken"})(handler)

    service.behave = behave
    with pytest.raises(ServiceFailedError):
        infer(service)
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [b"<html></html>", b"\xff", b""])
def test_another_web_server(service, answer):
    service.behave = answering(200, answer)
    with pytest.raises(AnswerError, match="PACBED-CNN"):
        infer(service)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"thickness": "x", "mistilt": 1, "scale": 1},
        {"estimate": {"thickness_nm": 1}},
        {"thickness": 1, "mistilt": 1, "scale": 1, "validation": "AAAA"},
        {"thickness": 1, "mistilt": 1, "scale": 1, "validation": "A"},
        {"thickness": 1, "mistilt": 1, "scale": 1, "validation": 3},
        "text",
        None,
    ],
)
def test_answers_of_another_form(service, answer):
    service.behave = answering(200, answer)
    with pytest.raises(AnswerError):
        infer(service)
    with pytest.raises(AnswerError):
        Client(service.url).systems() if answer else infer(service)
    with pytest.raises(AnswerError):
        Client(service.url).pattern(2, 10, 20)


@pytest.mark.parametrize("url", ["localhost:8230", "ftp://localhost", "http://", "", "http:///x"])
def test_addresses_that_are_none(url):
    with pytest.raises(ValueError, match="http://localhost:8230"):
        Client(url)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf"), 1e9])
def test_time_limits_that_are_none(timeout_s):
    with pytest.raises(ValueError, match="timeout_s"):
        Client(timeout_s=timeout_s)


def test_a_negative_number_of_retries():
    with pytest.raises(ValueError, match="retries"):
        Client(retries=-1)


def test_a_host_name_that_cannot_be_one():
    with pytest.raises(ServiceUnreachableError):
        Client("http://" + "a" * 70 + ".example:1").systems()


def test_an_error_in_the_exchange_is_raised_here(service, monkeypatch):
    monkeypatch.setattr("http.client.HTTPConnection.request", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        infer(service)


def test_a_service_below_a_path(service):
    paths = []

    def behave(handler):
        paths.append(handler.path)
        handler.reply(200, [])
        return True

    service.behave = behave
    assert Client(service.url + "/pacbed/").systems() == []
    assert paths == ["/pacbed/systems"]
