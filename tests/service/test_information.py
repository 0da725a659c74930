"""Systems, simulated patterns, examples, health, metrics and the pages themselves."""

import base64
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

import pacbed
from pacbed.service.app import STATIC
from tests.service.conftest import post, raw_parameters


def test_systems(client):
    listed = client.get("/systems").json()
    assert [system["name"] for system in listed] == [s.name for s in pacbed.installed_systems()]
    assert listed[3]["zone_axis"] == [0, 0, 1]


def test_pattern_is_the_library_s(client):
    query = {"system": "sto-001-300kV", "thickness_nm": 40, "convergence_mrad": 20, "size": 64}
    response = client.get("/pattern/", params={**query, "tilt_x_mrad": 2, "format": "npy"})
    served = np.load(io.BytesIO(response.content), allow_pickle=False)
    parameters = pacbed.PatternParameters(
        thickness_nm=40, tilt_x_mrad=2, tilt_y_mrad=0, convergence_mrad=20,
        mrad_per_pixel=float(response.headers["X-Mrad-Per-Pixel"]),
    )  # fmt: skip
    table = pacbed.load_bundle("sto-001-300kV").table
    np.testing.assert_allclose(
        served, pacbed.synthesise(table, parameters, (64, 64)), rtol=1e-3, atol=1e-9
    )
    png = Image.open(io.BytesIO(client.get("/pattern/", params=query).content))
    assert png.size == (64, 64)
    tif = client.get("/pattern/", params={**query, "format": "tif"})
    assert tif.headers["Content-Type"] == "image/tiff"
    assert Image.open(io.BytesIO(tif.content)).size == (64, 64)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"system": "none"}, 404),
        ({"thickness_nm": 1000}, 422),
        ({"convergence_mrad": 900}, 422),
        ({"size": 100000}, 422),
        ({"format": "exe"}, 422),
        ({"thicknes_nm": 3}, 422),
    ],
)
def test_pattern_out_of_range(client, query, status):
    known = {"system": "3", "thickness_nm": 40, "convergence_mrad": 20}
    response = client.get("/pattern/", params=known | query)
    assert response.status_code == status
    assert response.json()["detail"]


def test_examples(client):
    listed = client.get("/examples/").json()
    assert len(listed) == 4
    for entry in listed:
        content = client.get(f"/examples/{entry['name']}").content
        assert np.load(io.BytesIO(content), allow_pickle=False).shape == (256, 256)
    for name in ("labels.csv", "README.md", "..%2Fpyproject.toml", "%2Fetc%2Fpasswd", "none"):
        assert client.get(f"/examples/{name}").status_code == 404


def test_preview(client, example):
    stack = np.stack([example, example[::-1]])
    buffer = io.BytesIO()
    np.save(buffer, stack)
    response = client.post(
        "/preview/",
        data={"file_params": '{"frame": 1}'},
        files={"file": ("../../a.npy", buffer.getvalue())},
    )
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["name"] == "a.npy"
    assert (answer["rows"], answer["columns"], answer["frames"], answer["frame"]) == (
        256,
        256,
        2,
        1,
    )
    levels = np.frombuffer(base64.b64decode(answer["picture"]), "<u2").reshape(256, 256)
    span = answer["maximum"] - answer["minimum"]
    values = answer["minimum"] + (levels.astype(float) - 1) / 65534 * span
    bright = example[::-1] < answer["maximum"]
    np.testing.assert_allclose(values[bright], example[::-1][bright], atol=span / 60000)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (3, 700), (1000, 1000), (1, 1)])
def test_preview_of_odd_shapes(client, shape):
    buffer = io.BytesIO()
    np.save(buffer, np.ones(shape, np.float32))
    response = client.post("/preview/", files={"file": ("a.npy", buffer.getvalue())})
    assert response.status_code == 200, response.text
    answer = response.json()
    pixels = answer["picture_rows"] * answer["picture_columns"]
    assert len(base64.b64decode(answer["picture"])) == 2 * pixels


def test_health(client):
    assert client.get("/health/live").json() == {"status": "ok", "version": pacbed.__version__}
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ok"
    assert ready["systems"] == 4
    assert ready["refused_bundles"] == {}


def test_metrics(client, example):
    post(client, raw_parameters(example, validation=False, refine=False), example.tobytes())
    post(client, "{}", b"")
    text = client.get("/metrics").text
    assert re.search(r'pacbed_requests_total\{route="/inference/",status="200"\} [1-9]', text)
    assert re.search(r'pacbed_failures_total\{reason="parameters"\} [1-9]', text)
    for stage in ("wait", "read", "infer", "picture"):
        assert re.search(rf'pacbed_stage_seconds_count\{{stage="{stage}"\}} [1-9]', text)
    assert "pacbed_places_taken 0.0" in text
    assert re.search(r'pacbed_answers_total\{status="\w+",system="sto-001-300kV"\} [1-9]', text)


def test_pages_come_from_this_host_alone(client):
    for path in ("/", "/docs"):
        response = client.get(path)
        assert response.status_code == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.findall(r'(?:src|href)="https?:', response.text)
        assert not re.findall(r"<(script|style)>", response.text)
        assert not re.findall(r'\sstyle="|\son\w+="', response.text)
    assert client.get("/redoc").status_code == 404


def test_every_part_of_the_page_is_served(client):
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            response = client.get(f"/static/{path.relative_to(STATIC).as_posix()}")
            assert response.status_code == 200
            assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_parts_of_others_are_unchanged():
    text = (STATIC / "vendor" / "README.md").read_text()
    listed = re.findall(r"`(\S+)` \| `([0-9a-f]{64})`", text)
    assert len(listed) == 2
    for name, digest in listed:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest
    assert "MIT" in (STATIC / "vendor" / "uPlot-LICENSE.txt").read_text()


def test_openapi_teaches_by_example(client):
    description = client.get("/openapi.json").json()
    examples = description["components"]["schemas"]["Parameters"]["examples"]
    assert examples[0]["physical_params"]["crystal_structure"] == "Strontium Titanate"
    for path, methods in description["paths"].items():
        for route in methods.values():
            assert route["description"], path


def test_other_pages_only_where_allowed(make_client):
    origin = {"Origin": "https://lab.example"}
    closed, opened = make_client(), make_client(allow_origins="https://lab.example")
    assert "Access-Control-Allow-Origin" not in closed.get("/systems", headers=origin).headers
    answer = opened.get("/systems", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://lab.example"
