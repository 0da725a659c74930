"""A page of another origin in a real browser: it starts, reads and deletes nothing.

And the service's own page works, at this computer and behind a reverse proxy.
"""

import contextlib
import json
import re
import shutil
import subprocess
import urllib.request

import pytest

from tests.security.other_servers import OtherPage, proxy_handler, rebinding_handler, running
from tests.service.conftest import serving
from tests.service.test_page import CHROMIUM, FLAGS, PATIENCE_MS, infer_example, pytestmark

__all__ = ["pytestmark"]

#: The address of a reverse proxy in its documented place.
NAME = "pacbed.example"

#: Everything that a page can try, as functions of the service's address and of a job. Each
#: gives what the page has learned of its success.
ATTACKS = {
    "post": """async ({url, job}) => {
        const form = new FormData();
        form.append("parameters", '{"system": "sto-001-300kV", "convergence_angle": 20,' +
            '"file_params": {"typ": "raw", "dtype": "uint8", "width": 256, "height": 256}}');
        form.append("file", new Blob([new Uint8Array(65536).map((_, i) => i % 251)]), "a");
        const answer = await fetch(url + "/inference/", {method: "POST", body: form, mode: MODE});
        return [answer.type, answer.status, await answer.text()];
    }""",
    "map": """async ({url, job}) => {
        const form = new FormData();
        form.append("parameters", '{"system": "sto-001-300kV", "convergence_mrad": 20}');
        form.append("file", new Blob(["x"]), "a.npy");
        const answer = await fetch(url + "/maps/", {method: "POST", body: form, mode: MODE});
        return [answer.type, answer.status, await answer.text()];
    }""",
    "simple post": """async ({url, job}) => {
        const answer = await fetch(url + "/maps/", {method: "POST", body: "a=b", mode: MODE});
        return [answer.type, answer.status, await answer.text()];
    }""",
    "read": """async ({url, job}) => {
        const answer = await fetch(url + "/maps/" + job, {mode: MODE});
        return [answer.type, answer.status, await answer.text()];
    }""",
    "read systems": """async ({url, job}) => {
        const answer = await fetch(url + "/systems", {mode: MODE});
        return [answer.type, answer.status, await answer.text()];
    }""",
    "delete": """async ({url, job}) => {
        const answer = await fetch(url + "/maps/" + job, {method: "DELETE"});
        return [answer.type, answer.status, await answer.text()];
    }""",
}
#: What is not a fetch: these say "loaded", "failed" or nothing.
ELEMENTS = {
    "picture": """({url}) => new Promise(done => {
        const image = new Image();
        image.onload = () => done("loaded");
        image.onerror = () => done("failed");
        image.src = url + "/pattern/?system=3&thickness_nm=40&convergence_mrad=20&size=16";
        document.body.append(image);
    })""",
    "icon": """({url}) => new Promise(done => {
        const image = new Image();
        image.onload = () => done("loaded");
        image.onerror = () => done("failed");
        image.src = url + "/static/icon.svg";
        document.body.append(image);
    })""",
    "script": """({url}) => new Promise(done => {
        const script = document.createElement("script");
        script.onload = () => done("loaded");
        script.onerror = () => done("failed");
        script.src = url + "/systems";
        document.body.append(script);
    })""",
    "events": """({url, job}) => new Promise(done => {
        const source = new EventSource(url + "/maps/" + job + "/events");
        const end = words => { source.close(); done(words); };
        for (const name of ["progress", "done", "failed"])
            source.addEventListener(name, () => end("loaded"));
        source.onerror = () => end("failed");
    })""",
}
FORM = """({url}) => {
    const frame = document.createElement("iframe");
    frame.name = "frame";
    const form = document.createElement("form");
    Object.assign(form, {method: "post", enctype: "multipart/form-data", target: "frame",
                         action: url + "/inference/"});
    const parameters = document.createElement("input");
    parameters.name = "parameters";
    parameters.value = '{"system": "sto-001-300kV", "convergence_angle": 20,' +
        '"file_params": {"typ": "raw", "dtype": "uint8", "width": 256, "height": 256}}';
    const file = document.createElement("input");
    Object.assign(file, {type: "file", name: "file"});
    const chosen = new DataTransfer();
    chosen.items.add(new File([new Uint8Array(65536).map((_, i) => i % 251)], "a"));
    file.files = chosen.files;
    form.append(parameters, file);
    document.body.append(frame, form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    maps = tmp_path_factory.mktemp("maps")
    variables = {"PACBED_MAP_FOLDER": str(maps), "PACBED_THREADS": "1"}
    with serving(
        folder, "--allow-host", NAME, "--root-path", "/pacbed", environment=variables
    ) as server:
        server.maps = maps
        yield server


@pytest.fixture(scope="module")
def proxies(server, tmp_path_factory):
    """Ports of reverse proxies by scheme."""
    handler = proxy_handler(server.port, "/pacbed")
    with contextlib.ExitStack() as stack:
        ports = {"http": stack.enter_context(running(handler))}
        if openssl := shutil.which("openssl"):
            both = tmp_path_factory.mktemp("tls") / "both.pem"
            subprocess.run(
                [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                 "-subj", f"/CN={NAME}", "-keyout", both, "-out", both.with_name("cert.pem")],
                check=True, capture_output=True,
            )  # fmt: skip
            both.write_bytes(both.read_bytes() + both.with_name("cert.pem").read_bytes())
            ports["https"] = stack.enter_context(running(handler, both))
        yield ports


@pytest.fixture(scope="module")
def browser(proxies):
    from playwright.sync_api import sync_playwright

    # Where the names of the world lead to; no name server is asked.
    rules = [f"MAP {NAME}:80 127.0.0.1:{proxies['http']}", "MAP evil.test 127.0.0.1"]
    if "https" in proxies:
        rules.append(f"MAP {NAME}:443 127.0.0.1:{proxies['https']}")
    flags = [*FLAGS, f"--host-resolver-rules={','.join(rules)}", "--ignore-certificate-errors"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture(scope="module")
def job(server):
    """A job that a program has made, and that is over."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="parameters"\r\n\r\n'
        b'{"system": "sto-001-300kV", "convergence_mrad": 20}\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.npy"\r\n\r\nx\r\n'
        b"--x--\r\n"
    )
    request = urllib.request.Request(
        server.url + "/maps/", body, {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["id"]


@pytest.fixture(scope="module")
def other_port():
    with running(OtherPage) as port:
        yield port


@pytest.fixture(scope="module")
def rebound_port(server):
    with running(rebinding_handler(server.port)) as port:
        yield port


def done_work(server):
    """All that the service counts as done, and the jobs that it keeps."""
    done = r'pacbed_(answers|stage_seconds)_|pacbed_requests_total\{route="/(inf|pat|maps/").*="2'
    lines = server.get("/metrics").decode().splitlines()
    counted = [line for line in lines if re.match(done, line)]
    return counted, sorted(path.name for path in server.maps.iterdir())


def refusals(server, reason):
    text = server.get("/metrics").decode()
    found = re.search(rf'pacbed_failures_total\{{reason="{reason}"\}} (\S+)', text)
    return float(found[1]) if found else 0.0


def attempt(page, script, **given):
    """What an attack has learned, or that the browser let it learn nothing."""
    # What the browser withholds, and what fails, is the same to the page: a TypeError.
    caught = f"given => ({script})(given).catch(error => error.name === 'TypeError' ? null : 'odd')"
    return page.evaluate(caught, given)


@pytest.mark.parametrize("target", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.test"])
def test_a_page_elsewhere_starts_and_reads_nothing(page, server, job, other_port, name, target):
    page.goto(f"http://{name}:{other_port}/")
    url = f"http://{target}:{server.port}"
    before, refused = done_work(server), refusals(server, "other_page")
    for attack, script in ATTACKS.items():
        for mode in ("cors", "no-cors"):
            learned = attempt(page, script.replace("MODE", f'"{mode}"'), url=url, job=job)
            # An opaque answer has no status and no content.
            assert learned in (None, ["opaque", 0, ""]), (attack, mode)
    for element, script in ELEMENTS.items():
        assert page.evaluate(script, {"url": url, "job": job}) == "failed", element
    with page.expect_response(lambda answer: answer.url == url + "/inference/") as sent:
        page.evaluate(FORM, {"url": url})
    assert sent.value.status == 403
    # They did arrive, and were refused.
    assert refusals(server, "other_page") >= refused + 10
    assert done_work(server) == before
    assert json.loads(server.get(f"/maps/{job}"))["id"] == job


def test_a_name_that_leads_here_starts_and_reads_nothing(page, server, job, rebound_port):
    """DNS rebinding: to the browser, the page and the service are one origin."""
    url = f"http://evil.test:{rebound_port}"
    page.goto(url + "/page")
    before, refused = done_work(server), refusals(server, "host")
    for attack, script in ATTACKS.items():
        kind, status, text = attempt(page, script.replace("MODE", '"cors"'), url=url, job=job)
        assert (kind, status) == ("basic", 421), attack
        assert "does not answer to the name evil.test" in text
        assert job not in text
    for element, script in ELEMENTS.items():
        assert page.evaluate(script, {"url": url, "job": job}) == "failed", element
    assert refusals(server, "host") >= refused + 10
    assert done_work(server) == before
    assert json.loads(server.get(f"/maps/{job}"))["id"] == job


def test_a_page_elsewhere_shows_no_frame_and_no_work_by_a_link(page, server, other_port):
    page.goto(f"http://evil.test:{other_port}/")
    url = f"http://localhost:{server.port}"
    with page.expect_response(url + "/") as framed:
        page.evaluate(
            """url => {
                const frame = document.createElement("iframe");
                frame.src = url;
                document.body.append(frame);
            }""",
            url + "/",
        )
    assert framed.value.status == 403
    pattern = "/pattern/?system=3&thickness_nm=40&convergence_mrad=20"
    for path, status in ((pattern, 403), ("/", 200)):
        with page.expect_response(url + path) as followed:
            page.evaluate("url => { location.href = url; }", url + path)
        assert followed.value.status == status
        page.wait_for_url(url + path)
        page.goto(f"http://evil.test:{other_port}/")


@pytest.mark.parametrize("place", ["localhost", "127.0.0.1", "http proxy", "https proxy"])
def test_the_own_page_works(page, server, proxies, place):
    scheme, _, behind = place.partition(" ")
    if behind and scheme not in proxies:
        pytest.skip("no certificate was made for the proxy: install openssl")
    page.goto(f"{scheme}://{NAME}/pacbed/" if behind else f"http://{place}:{server.port}/")
    page.wait_for_selector("html[data-ready]", state="attached")
    infer_example(page)
    assert re.fullmatch(r"\d+(\.\d+)? ± \d+(\.\d+)? nm", page.inner_text("#thickness"))
    # What is read, made, watched and deleted by the page's own way to the service.
    told = page.evaluate(
        """async () => {
            const form = new FormData();
            form.append("parameters", '{"system": "sto-001-300kV", "convergence_mrad": 20}');
            form.append("file", new Blob(["x"]), "a.npy");
            const made = await fetch("maps/", {method: "POST", body: form});
            const { id } = await made.json();
            const read = await fetch("maps/" + id);
            const deleted = await fetch("maps/" + id, {method: "DELETE"});
            return [made.status, read.status, deleted.status];
        }"""
    )
    assert told == [202, 200, 204]
