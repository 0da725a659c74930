"""A file that names others: an upload is refused, a user's own may lead beside itself alone."""

import json
import secrets
import time
from pathlib import Path

import h5py
import numpy as np
import onnx
import onnxruntime
import pytest
from starlette.testclient import TestClient

from pacbed.earlier.keras_h5 import load_h5
from pacbed.errors import BundleError, FileFormatError
from pacbed.readers import read_pattern
from pacbed.scans.files import open_scan
from pacbed.scans.signal_file import write_signal
from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from tests.cli_tools import fail
from tests.maps.test_scan_formats import signal_of, write_empad
from tests.security.linked_files import (
    LINKERS,
    SCAN,
    SIDE,
    ask_for_pickles,
    empad_xml,
    external_storage,
    ome_tiff,
    write_linked,
    write_target,
)
from tests.service.conftest import URL
from tests.service.malformed import pattern_signal

PATIENCE_SECONDS = 120
pytestmark = pytest.mark.xdist_group("files in files")
KNOWN = {"system": "sto-001-300kV", "convergence_angle": 20, "validation": False, "refine": False}
MAP = {"system": "sto-001-300kV", "convergence_mrad": 20, "window": [1, 1], "samples": 2}
KINDS = list(LINKERS)
#: A pattern, so that what a link leads to could be read as one.
PATTERN = np.random.default_rng(4).integers(1, 255, (SIDE, SIDE)).astype("u1")
FRAMES = np.random.default_rng(5).integers(1, 255, SCAN).astype("u1")


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A folder of files that nobody but the user may see."""
    folder = tmp_path_factory.mktemp("secret")
    for kind in KINDS:
        write_target(folder, kind, "pattern", PATTERN)
        write_target(folder, kind, "scan", FRAMES)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """What a service lends to maps."""
    return tmp_path_factory.mktemp("scans")


@pytest.fixture(scope="module")
def client(root):
    settings = Settings(threads=1, map_root=root, map_jobs=100)
    with TestClient(create_app(settings), URL, raise_server_exceptions=False) as client:
        yield client


def target(secret: Path, kind: str, name: str) -> str:
    return str(secret / f"{name}.{'raw' if kind == 'external storage' else 'h5'}")


def refused(answer, words: str, others: Path) -> None:
    """The answer says what was wrong in one line, and nothing of any other file."""
    assert answer.status_code in (400, 415, 422), answer.text
    problem = answer.json()
    assert set(problem) == {"code", "detail"}
    assert words in problem["detail"]
    assert "\n" not in problem["detail"]
    assert str(others) not in answer.text


def failed(client, job) -> str:
    """Wait for a map that cannot be made, and return why."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job["stage"] not in ("done", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = client.get(f"/maps/{job['id']}").json()
    assert job["stage"] == "failed", job
    return job["detail"]


def start_map(client, upload: Path | None = None, **named):
    files = {"parameters": (None, json.dumps(MAP | named))}
    if upload is not None:
        files["file"] = (upload.name, upload.read_bytes())
    answer = client.post("/maps/", files=files)
    assert answer.status_code == 202, answer.text
    return answer.json()


# ---------------------------------------------------------------- uploads
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".emd", ".hspy", ".h5"])
def test_no_upload_reads_another_file(client, secret, tmp_path, kind, ending):
    path = write_linked(
        tmp_path / f"a{ending}", kind, target(secret, kind, "pattern"), (SIDE, SIDE)
    )
    words = LINKERS[kind][1]
    file = {"file": (path.name, path.read_bytes())}
    refused(client.post("/preview/", files=file), words, secret)
    parameters = {"parameters": json.dumps(KNOWN)}
    refused(client.post("/inference/", data=parameters, files=file), words, secret)
    refused(client.post("/inference/batch/", data=parameters, files=file), words, secret)


@pytest.mark.parametrize("kind", KINDS)
def test_no_uploaded_scan_reads_another_file(client, secret, tmp_path, kind):
    path = write_linked(tmp_path / "a.h5", kind, target(secret, kind, "scan"), SCAN)
    said = failed(client, start_map(client, path))
    assert LINKERS[kind][1] in said
    assert "/data" in said or "/out" in said
    assert "\n" not in said


def test_no_uploaded_description_of_an_empad_reads_another_file(client, secret, tmp_path):
    frames = np.zeros((2, 3, 130, 128), "f4")
    (secret / "empad.raw").write_bytes(frames.tobytes())
    (tmp_path / "a.xml").write_bytes(empad_xml(str(secret / "empad.raw")))
    assert "raw file" in failed(client, start_map(client, tmp_path / "a.xml"))


def test_no_uploaded_tif_reads_another_file(client, secret, tmp_path):
    ome_tiff(secret / "plane.tif", "plane.tif")
    path = ome_tiff(tmp_path / "upload.tif", str(secret / "plane.tif"))
    file = {"file": (path.name, path.read_bytes())}
    refused(client.post("/preview/", files=file), "OME-TIFF", secret)


@pytest.mark.parametrize("name", ["/etc/passwd", "passwd", "../../etc/passwd", "~/.ssh/id_rsa"])
def test_the_link_is_refused_before_anything_is_looked_for(tmp_path, name):
    """Also where there is no such file: what is there is not told."""
    for kind, (_, words) in LINKERS.items():
        path = write_linked(tmp_path / "a.hspy", kind, name, (SIDE, SIDE))
        with pytest.raises(FileFormatError, match=words) as caught:
            read_pattern(path, alone=True)
        assert "passwd" not in str(caught.value)
        path.unlink()


def test_a_link_that_nothing_reads_is_refused_too(tmp_path):
    """An attribute's group, a thumbnail: whatever there is in the file."""
    path = tmp_path / "a.hspy"
    write_signal(path, pattern_signal(PATTERN))
    with h5py.File(path, "r+") as file:
        external_storage(file.create_group("deep/er"), "x", (8,), "/etc/passwd")
    with pytest.raises(FileFormatError, match=r"/deep/er/x .*external storage"):
        read_pattern(path, alone=True)


def test_names_in_a_file_stay_in_one_line(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["two\nlines\x1b[31m"] = h5py.ExternalLink("b.h5", "/z")
    with pytest.raises(FileFormatError) as caught:
        open_scan(path, alone=True)
    assert str(caught.value).isprintable()


def test_a_file_that_leads_to_itself_is_harmless(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["z"] = FRAMES
        file["again"] = h5py.SoftLink("/z")
        file["group/back"] = file["/"]
        layout = h5py.VirtualLayout((3, *SCAN[1:]), "u1")
        layout[:2] = h5py.VirtualSource(".", "z", SCAN)
        file.create_virtual_dataset("v", layout)
    scan = open_scan(path, dataset="z", alone=True)
    assert np.array_equal(scan.read(0, 2), FRAMES)
    assert np.array_equal(open_scan(path, dataset="v", alone=True).read(0, 2), FRAMES)


# ---------------------------------------------------------------- a user's own files
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("below", ["", "below"])
def test_a_scan_may_lead_to_its_own_folder_and_below(tmp_path, kind, below):
    (tmp_path / below).mkdir(exist_ok=True)
    other = write_target(tmp_path / below, kind, "frames", FRAMES)
    name = str(other.relative_to(tmp_path))
    path = write_linked(tmp_path / "master.h5", kind, name, SCAN)
    assert np.array_equal(open_scan(path, dataset="data").read(0, 2), FRAMES)


@pytest.mark.parametrize(
    ("ending", "kind"), [(".hspy", "external link"), (".emd", "virtual dataset")]
)
def test_a_pattern_may_lead_beside_itself(tmp_path, ending, kind):
    other = write_target(tmp_path, kind, "frames", PATTERN)
    path = write_linked(tmp_path / f"a{ending}", kind, other.name, (SIDE, SIDE))
    # The axes of an emd are stored the other way round.
    assert np.array_equal(read_pattern(path).data, PATTERN.T if ending == ".emd" else PATTERN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["absolute", "upwards", "symbolic link", "two steps"])
def test_a_scan_leads_no_further(secret, tmp_path, kind, how):
    words = LINKERS[kind][1]
    outside = Path(target(secret, kind, "scan"))
    name = {"absolute": str(outside), "upwards": f"../../{outside.relative_to(secret.parent)}",
            "symbolic link": f"inside{outside.suffix}",
            "two steps": "second.h5"}[how]  # fmt: skip
    if how == "symbolic link":
        (tmp_path / name).symlink_to(outside)
    if how == "two steps":
        write_linked(tmp_path / "second.h5", kind, str(outside), SCAN)
        kind = "external link"
    path = write_linked(tmp_path / "a.h5", kind, name, SCAN)
    with pytest.raises(FileFormatError, match=f"{words}.*(outside its own folder|not there)"):
        open_scan(path)


def test_numbered_files_of_a_virtual_dataset(tmp_path, secret):
    for number in range(2):
        write_target(tmp_path, "virtual dataset", f"part-{number}", FRAMES[:1])
    path = tmp_path / "a.h5"

    def write(name: str) -> None:
        space = h5py.h5s.create_simple((1, *SCAN[1:]), (h5py.h5s.UNLIMITED, *SCAN[1:]))
        space.select_hyperslab((0, 0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1, 1), (1, 1, 1, 1),
                               (1, *SCAN[1:]))  # fmt: skip
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        source = h5py.h5s.create_simple((1, *SCAN[1:]))
        made.set_virtual(space, name.encode(), b"z", source)
        with h5py.File(path, "w") as file:
            h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, space, made)

    write("part-%b.h5")
    assert np.array_equal(open_scan(path).read(0, 1), FRAMES[:1])
    (tmp_path / "part-2.h5").symlink_to(secret / "scan.h5")
    with pytest.raises(FileFormatError, match=r"virtual dataset.*outside"):
        open_scan(path)
    write(f"{secret}/sca%b.h5")
    with pytest.raises(FileFormatError, match="virtual dataset"):
        open_scan(path)
    write("%b/../../x.h5")
    with pytest.raises(FileFormatError, match="virtual dataset"):
        open_scan(path)


def test_an_empad_beside_its_frames_and_elsewhere(tmp_path, secret):
    frames = np.ones((3, 4, 128, 128), "u2")
    write_empad(tmp_path, frames)
    assert open_scan(tmp_path / "a.xml").shape == frames.shape
    write_empad(secret, frames)
    raw = secret / "scan_x4_y3.raw"
    for name in (str(raw), f"../{secret.name}/{raw.name}", f"&quot;{raw}&quot;", "link.raw"):
        (tmp_path / "b.xml").write_bytes(empad_xml(name, (3, 4)))
        (tmp_path / "link.raw").unlink(missing_ok=True)
        (tmp_path / "link.raw").symlink_to(raw)
        with pytest.raises(FileFormatError, match="raw file"):
            open_scan(tmp_path / "b.xml")
    (tmp_path / "b.xml").write_bytes(
        f'<!DOCTYPE r [<!ENTITY e SYSTEM "file://{raw}">]>'.encode() + empad_xml("&e;")
    )
    with pytest.raises(FileFormatError, match="entities"):
        open_scan(tmp_path / "b.xml")


def test_planes_of_a_tif_beside_it_and_elsewhere(tmp_path, secret):
    ome_tiff(tmp_path / "plane.tif", "plane.tif")
    path = ome_tiff(tmp_path / "a.tif", "plane.tif")
    assert read_pattern(path, frame=1).frames == 2
    ome_tiff(secret / "plane.tif", "plane.tif")
    # Without a number the file is its own by its name alone.
    for uuid in ("urn:uuid:1", ""):
        ome_tiff(path, str(secret / "plane.tif"), uuid)
        with pytest.raises(FileFormatError, match=r"OME-TIFF.*outside"):
            read_pattern(path, frame=1)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("a.mib", "a.hdr"),
        ("a_000.tvips", "a_001.tvips"),
        ("a.emi", "a_1.ser"),
        ("a.seq", "a.seq.dark.mrc"),
        ("20260101_7_movie.mrc", "20260101_7_info.txt"),
    ],
)
def test_files_that_a_reader_takes_up_beside_its_own(tmp_path, secret, name, other):
    (tmp_path / name).write_bytes(bytes(4096))
    (secret / "text").write_text("Frames per Trigger (Number):\t1\n")
    (tmp_path / other).symlink_to(secret / "text")
    with pytest.raises(FileFormatError, match=f"{other} beside it is a symbolic link"):
        open_scan(tmp_path / name, scan_shape=(1, 1))


def test_a_zspy_with_symbolic_links_or_pickles(tmp_path, secret):
    path = tmp_path / "a.zspy"
    write_signal(path, signal_of(FRAMES, "a"))
    assert open_scan(path).shape == SCAN
    mark = tmp_path / "mark"
    chunk = next(p for p in path.rglob("data/*") if p.is_file() and p.name[0] != ".")
    content = chunk.read_bytes()
    chunk.unlink()
    chunk.symlink_to(secret / "scan.raw")
    with pytest.raises(FileFormatError, match="symbolic link that leads out"):
        open_scan(path)
    chunk.unlink()
    chunk.write_bytes(content)
    ask_for_pickles(path, mark)
    with pytest.raises(FileFormatError, match="pickles"):
        open_scan(path).read(0, 1)
    assert not mark.exists()


def test_the_command_line_says_it_in_one_line(tmp_path, secret):
    path = write_linked(tmp_path / "a.hspy", "external storage",
                        target(secret, "external storage", "pattern"), (SIDE, SIDE))  # fmt: skip
    line = fail("infer", path, "--system", "sto-001-300kV", "--convergence", 20)
    assert "external storage" in line
    assert "outside its own folder" in line


# ---------------------------------------------------------------- scans of the server's own
def test_a_scan_below_the_root_may_lead_to_its_own_folder(client, root, secret):
    write_target(root, "external link", "frames", FRAMES)
    write_linked(root / "good.h5", "external link", "frames.h5", SCAN)
    # It is read: what stops it is that this is noise, if anything.
    job = start_map(client, path="good.h5")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not job["windows"] and job["stage"] != "failed":
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = client.get(f"/maps/{job['id']}").json()
    assert job["windows"] == SCAN[0] * SCAN[1], job
    client.delete(f"/maps/{job['id']}")
    (root / "inside.h5").symlink_to(secret / "scan.h5")
    write_linked(root / "bad.h5", "external link", "inside.h5", SCAN)
    said = failed(client, start_map(client, path="bad.h5"))
    assert "external link" in said
    assert str(root) not in said
    assert str(secret) not in said


# ---------------------------------------------------------------- networks
@pytest.mark.parametrize("kind", KINDS)
def test_a_keras_model_names_no_other_file(tmp_path, secret, kind):
    path = write_linked(tmp_path / "a.h5", kind, target(secret, kind, "pattern"), (SIDE, SIDE))
    with pytest.raises(BundleError, match=LINKERS[kind][1]):
        load_h5(path.read_bytes())


@pytest.mark.parametrize("place", ["{}/weights", "../weights", "weights"])
def test_an_onnx_network_names_no_other_file(tmp_path, monkeypatch, place):
    """ONNX Runtime looks after this, for networks that it is given as bytes."""
    (tmp_path / "weights").write_bytes(np.arange(4, dtype="f4").tobytes())
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path if place == "weights" else tmp_path / "below")
    weights = onnx.TensorProto(
        name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL
    )
    for key, value in (("location", place.format(tmp_path)), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    ends = [onnx.helper.make_tensor_value_info(name, 1, [4]) for name in "xy"]
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    made = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
    )
    with pytest.raises(Exception, match=r"External data|model_path"):
        onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])


def test_a_picture_is_never_a_program(tmp_path):
    """PostScript under the name of a picture would be run by another program."""
    mark = tmp_path / secrets.token_hex(8)
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n"
        b"(" + str(mark).encode() + b") (w) file closefile\n%%EOF\n"
    )
    with pytest.raises(FileFormatError, match="cannot identify"):
        read_pattern(tmp_path / "a.png")
    assert not mark.exists()
