"""The UDF on LiberTEM's executors, and on the stream of a simulated detector."""

import contextlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from pacbed.errors import OutOfRangeError, PatternError, UnknownSystemError
from pacbed.maps.layers import NO_DATA
from tests.maps_clients.conftest import CONVERGENCE_MRAD, SYSTEM

api = pytest.importorskip("libertem.api")
from pacbed.plugins import growing_map  # noqa: E402
from pacbed.plugins.libertem import ThicknessMapUDF  # noqa: E402

#: Seconds that a simulated detector may need to start on a busy machine.
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def context():
    return api.Context.make_with("inline")


def udf(**options):
    return ThicknessMapUDF(SYSTEM, CONVERGENCE_MRAD, **{"window": (3, 3), "samples": 3, **options})


def assert_same(result, expected):
    for name in result:
        given = np.asarray(result[name].data)
        np.testing.assert_array_equal(given, getattr(expected, name).astype(given.dtype), name)


def test_inline_gives_the_map_of_the_command_line(context, recorded, fitted):
    scan = context.load("memory", data=recorded.data, num_partitions=4)
    maps = udf()
    assert_same(context.run_udf(scan, maps), fitted)
    assert fitted.thickness_nm == pytest.approx(np.tile(recorded.thickness_nm, (2, 1)), abs=1.5)
    assert maps.thickness_map.geometry == fitted.geometry


def test_a_system_without_networks(context, without_networks):
    recorded = without_networks.recorded
    scan = context.load("memory", data=recorded.data, num_partitions=3)
    asked = (without_networks.name, recorded.convergence_mrad, (3, 3))
    maps = ThicknessMapUDF(*asked, samples=1, data=without_networks.data)
    assert_same(context.run_udf(scan, maps), without_networks.fitted)
    assert without_networks.fitted.provenance["method"] == "fit"


def test_overlapping_windows_and_a_region_of_interest(context, recorded):
    scan = context.load("memory", data=recorded.data, num_partitions=5)
    roi = np.ones((6, 9), bool)
    roi[2:4, 4] = False
    options = {"window": (4, 3), "stride": (2, 3), "refine": False}
    expected = recorded.map(mask=roi, **options)
    assert expected.frames.min() < 12
    maps = udf(**options)
    assert_same(context.run_udf(scan, maps, roi=roi), expected)
    # The same UDF again, without the region: nothing of the last run is left.
    assert_same(context.run_udf(scan, maps), recorded.map(**options))


def test_the_map_grows_while_frames_come(context, recorded):
    scan = context.load("memory", data=recorded.data, num_partitions=6)
    options = {"window": (2, 3), "refine": False}
    expected = recorded.map(**options)
    known = []
    for part in context.run_udf_iter(scan, udf(**options)):
        thickness = part.buffers[0]["thickness_nm"]
        complete = ~thickness.masked_data.mask & np.ones((3, 3), bool)
        known.append(int(complete.sum()))
        status = part.buffers[0]["status"].data
        assert (status[~complete] == NO_DATA).all()
        if known[-1] >= 4:
            assert np.isfinite(thickness.data[complete]).all()
    assert known == [0, 3, 3, 6, 6, 9]
    np.testing.assert_array_equal(thickness.data, expected.thickness_nm)


def test_pixels_of_the_detector_that_say_nothing(context, recorded):
    bad = np.zeros((48, 48), bool)
    bad[14:19, 26:32] = True
    spoiled = recorded.data.astype(np.float32)
    spoiled[..., bad] = np.nan
    spoiled[2, 4, bad] = 400
    expected = recorded.map(detector_mask=bad, refine=False)
    scan = context.load("memory", data=spoiled, num_partitions=4)
    assert_same(context.run_udf(scan, udf(refine=False, detector_mask=bad)), expected)
    assert expected.pixels_left_out == 30


def test_tilts_along_the_axes_of_the_scan(context, recorded):
    scan = context.load("memory", data=recorded.data, num_partitions=3)
    made = context.run_udf(scan, udf(refine=False, scan_rotation_deg=90, flip_y=True))
    assert np.asarray(made["scan_tilt_x_mrad"].data) == pytest.approx(made["tilt_y_mrad"].data)
    assert np.asarray(made["scan_tilt_y_mrad"].data) == pytest.approx(made["tilt_x_mrad"].data)


def test_why_nothing_is_shown_yet(context, recorded, caplog, monkeypatch):
    def refuse(*args, **kwargs):
        raise PatternError("only 0 of 6 sampled windows are patterns")

    monkeypatch.setattr(growing_map, "estimate_geometry", refuse)
    scan = context.load("memory", data=recorded.data, num_partitions=6)
    for number, part in enumerate(context.run_udf_iter(scan, udf(window=(2, 3), refine=False))):
        # The maps are made when somebody looks.
        assert number > 4 or np.isnan(part.buffers[0]["thickness_nm"].data).all()
    assert "none is shown: only 0 of 6 sampled windows" in caplog.text


def test_live_plots_get_the_thickness_by_default(context, recorded):
    from libertem.viz.base import Dummy2DPlot

    scan = context.load("memory", data=recorded.data, num_partitions=3)
    maps = udf(refine=False)
    plot = Dummy2DPlot(scan, maps)
    assert plot.channel == "thickness_nm"
    result = context.run_udf(scan, maps, plots=[plot])
    np.testing.assert_array_equal(plot.data.filled(np.nan), result["thickness_nm"].data)


@pytest.mark.slow
def test_dask_executor_gives_the_same(recorded, fitted):
    from distributed import Scheduler
    from libertem.executor.dask import DaskJobExecutor, cluster_spec

    # The usual port of the dashboard may be taken by another run of the tests.
    scheduler = {
        "cls": Scheduler,
        "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"},
    }
    workers = DaskJobExecutor.make_local(
        cluster_spec(cpus=range(2), cudas=[], has_cupy=False),
        cluster_kwargs={"scheduler": scheduler},
    )
    with api.Context(executor=workers) as context:
        scan = context.load("memory", data=recorded.data, num_partitions=4)
        assert_same(context.run_udf(scan, udf()), fitted)


@pytest.mark.slow
def test_live_from_a_simulated_detector(recorded, fitted, tmp_path):
    live = pytest.importorskip("libertem_live.api")
    from libertem.executor.pipelined import PipelinedExecutor

    workers = PipelinedExecutor(spec=PipelinedExecutor.make_spec(cpus=range(1), cudas=[]))
    with (
        simulated_detector(tmp_path / "scan.mib", recorded.data) as (data_port, control_port),
        contextlib.closing(workers),
        live.LiveContext(workers) as context,
        context.make_connection("merlin").open(
            api_host="127.0.0.1", api_port=control_port,
            data_host="127.0.0.1", data_port=data_port,
        ) as connection,
    ):  # fmt: skip
        stream = context.make_acquisition(conn=connection, nav_shape=(6, 9), frames_per_partition=9)
        known = []
        for part in context.run_udf_iter(stream, udf()):
            result = part.buffers[0]
            known.append(int(result["thickness_nm"].valid_mask.sum()))
        assert known == sorted(known)
        assert known[0] == 0
        assert_same(result, fitted)


def test_mistakes_are_told_before_anything_runs(context, recorded):
    with pytest.raises(OutOfRangeError, match="step_nm"):
        udf(window=None)
    with pytest.raises(OutOfRangeError, match="mrad_per_pixel"):
        udf(mrad_per_pixel=-1.0)
    scan = context.load("memory", data=recorded.data)
    with pytest.raises(OutOfRangeError, match="larger than the scan"):
        context.run_udf(scan, udf(window=(7, 7)))
    with pytest.raises(UnknownSystemError):
        ThicknessMapUDF("diamond", CONVERGENCE_MRAD, step_nm=0.1)
    assert ThicknessMapUDF(SYSTEM, CONVERGENCE_MRAD, step_nm=0.1).params.window == (4, 4)


@contextlib.contextmanager
def simulated_detector(path, scan):
    """LiberTEM-live's simulator of a Merlin detector, in a process of its own."""
    path.write_bytes(b"".join(mib_frame(n, frame) for n, frame in enumerate(frames_of(scan), 1)))
    ports = free_ports(3)
    log = path.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from libertem_live.detectors.merlin.sim import main; main()",
             str(path), "--nav-shape", *map(str, scan.shape[:2]), "--host", "127.0.0.1",
             "--data-port", str(ports[0]), "--control-port", str(ports[1]),
             "--trigger-port", str(ports[2])],
            stdout=output, stderr=output,
        )  # fmt: skip
        try:
            # The data port serves one client, and the first gets the scan: ask the others.
            for port in ports[1:]:
                wait_for(port, process, log)
            yield ports[0], ports[1]
        finally:
            process.kill()
            process.wait()


def frames_of(scan):
    return scan.reshape(-1, *scan.shape[-2:])


def mib_frame(number, frame):
    """A frame as a Merlin detector writes it: 384 bytes of text, then numbers of 16 bits."""
    rows, columns = frame.shape
    head = (
        f"MQ1,{number:06d},00384,01,{columns:04d},{rows:04d},U16,   1x1,01,"
        "2026-11-25 10:00:00.000000,0.001000,0,0,0,1.2E+2,5.11E+2,0.0E+0,0.0E+0,0.0E+0,0.0E+0,"
        "0.0E+0,0.0E+0,3RX,175,511,000,000,000,000,000,000,125,255,125,125,100,100,082,100,087,"
        "030,128,004,255,129,128,176,168,511,511,MQ1A,2026-11-25T10:00:00.000000000Z,1000000ns,12"
    )
    return head.encode().ljust(384) + frame.astype(">u2").tobytes()


def free_ports(count):
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def wait_for(port, process, log):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
