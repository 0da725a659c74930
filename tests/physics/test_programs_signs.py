"""Signs and units between abTEM, our answers, and the start values of ptychography programs.

abTEM simulates a scan of a tilted crystal; what is read from its object and inferred must be the
tilt that it was given, and the exported start values must make the same pattern again in the
propagator that PtyRAD and phaser document.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import fft

import pacbed
from pacbed.answer.export import PROGRAMS, start_values
from pacbed.errors import OutOfRangeError, PatternError
from pacbed.units import electron_wavelength
from tests.cli_tools import fail, succeed

KV, ANGLE, CELLS, PERIODS, EDGE = 200.0, 12.0, 6, 30, 3.905
#: Where the zone axis shall lie, mrad: no sign and no exchange of x and y leads back to it.
TILT_X, TILT_Y = 1.5, -3.0
#: Positions along an edge of the cell, enough to cancel all interference of the disks.
POSITIONS = 4


@pytest.fixture(scope="module")
def scanned():
    """abTEM's scan of SrTiO3 along [001], and its potential: atoms at rest."""
    abtem = pytest.importorskip("abtem")
    import ase

    atoms = ase.Atoms(
        "SrTiO3",
        scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        cell=[EDGE] * 3,
        pbc=True,
    ) * (CELLS, CELLS, PERIODS)
    with abtem.config.set({"diagnostics.progress_bar": False, "device": "cpu"}):
        potential = abtem.Potential(
            atoms, sampling=0.2, slice_thickness=EDGE / 2, parametrization="lobato"
        ).build(lazy=False)
        # abTEM tilts the beam: the zone axis moves the other way.
        probe = abtem.Probe(
            energy=KV * 1e3, semiangle_cutoff=ANGLE, soft=False, tilt=(-TILT_X, -TILT_Y)
        )
        scan = abtem.GridScan((0, 0), (EDGE, EDGE), gpts=(POSITIONS, POSITIONS), endpoint=False)
        found = probe.scan(
            potential, scan, detectors=abtem.PixelatedDetector(max_angle=30), lazy=False
        )
    return found, potential


@pytest.fixture(scope="module")
def answered(scanned):
    measured = pacbed.from_abtem(scanned[0])
    predictor = pacbed.open_predictor(pacbed.load_bundle("sto-001-200kV"))
    return measured, predictor.infer(measured.data, measured.metadata.convergence_mrad)


def test_what_abtem_says_is_read(scanned):
    metadata = pacbed.from_abtem(scanned[0]).metadata
    assert metadata.high_tension_kV == KV
    assert metadata.convergence_mrad == ANGLE
    step = 1e3 * electron_wavelength(KV) / (CELLS * EDGE)
    assert metadata.mrad_per_pixel == pytest.approx(step, rel=1e-6)


def test_the_tilt_that_abtem_was_given_is_inferred(answered):
    _, estimate = answered
    assert estimate.thickness_nm == pytest.approx(PERIODS * EDGE / 10, abs=1.0)
    assert estimate.tilt_x_mrad == pytest.approx(TILT_X, abs=0.4)
    assert estimate.tilt_y_mrad == pytest.approx(TILT_Y, abs=0.4)


def test_exported_tilts_make_the_same_pattern_in_the_documented_propagator(scanned, answered):
    measured, estimate = answered
    system = pacbed.load_bundle("sto-001-200kV").system
    values = json.loads(start_values(estimate, system, "json")[0])
    y, x = values["tilt_yx_mrad"]
    rows, columns = np.indices(measured.data.shape)
    middle = np.array(measured.data.shape)[:, None, None] // 2
    distance = np.hypot(*(np.stack([rows, columns]) - middle))
    inside = distance * measured.metadata.mrad_per_pixel < 0.95 * ANGLE
    alike = {
        tilt: np.corrcoef(
            propagated(scanned[1], tilt, measured.data.shape)[inside], measured.data[inside]
        )[0, 1]
        for tilt in ((y, x), (-y, -x), (x, y))
    }
    assert max(alike, key=alike.get) == (y, x)
    assert alike[y, x] > 0.99
    assert max(other for tilt, other in alike.items() if tilt != (y, x)) < 0.8


def propagated(potential, tilt_yx_mrad, shape):
    """The position-averaged pattern [row, column] by the propagator of PtyRAD and phaser.

    exp[−iπλΔz q² + 2πiΔz (q_x tan θ_x + q_y tan θ_y)], as phaser's ``fresnel_propagator`` and
    PtyRAD's ``get_propagators`` write it.
    """
    wavelength, height = electron_wavelength(KV), EDGE / 2
    slices = np.asarray(potential.transmission_function(energy=KV * 1e3).array)
    qx, qy = (np.fft.fftfreq(n, CELLS * EDGE / n) for n in slices.shape[1:])
    qx, qy = np.meshgrid(qx, qy, indexing="ij")
    theta_y, theta_x = (np.tan(1e-3 * angle) for angle in tilt_yx_mrad)
    square = qx**2 + qy**2
    step = np.exp(
        -1j * np.pi * height * (wavelength * square - 2 * (qx * theta_x + qy * theta_y))
    ) * (np.sqrt(square) < min(abs(qx).max(), abs(qy).max()) * 2 / 3)
    aperture = wavelength * np.sqrt(square) <= 1e-3 * ANGLE
    step = step.astype(np.complex64)
    total = np.zeros(slices.shape[1:])
    for number in np.ndindex(POSITIONS, POSITIONS):
        place = np.array(number) * EDGE / POSITIONS
        phases = np.exp(-2j * np.pi * (qx * place[0] + qy * place[1]))
        wave = fft.ifft2((aperture * phases).astype(np.complex64))
        for one in slices:
            wave = fft.ifft2(fft.fft2(wave * one) * step)
        total += np.abs(fft.fft2(wave)) ** 2
    pattern = np.fft.fftshift(total).T
    rows, columns = (
        slice(n // 2 - m // 2, n // 2 - m // 2 + m)
        for n, m in zip(pattern.shape, shape, strict=True)
    )
    return pattern[rows, columns]


def test_other_axes_and_things_are_refused(scanned):
    from abtem.core.axes import ThicknessAxis
    from abtem.measurements import DiffractionPatterns

    series = DiffractionPatterns(
        np.ones((2, 8, 8), np.float32), 0.02,
        ensemble_axes_metadata=[ThicknessAxis(values=(1.0, 2.0))], metadata={"energy": 2e5},
    )  # fmt: skip
    with pytest.raises(PatternError, match=r"axis 0 \(ThicknessAxis\) has 2 entries"):
        pacbed.from_abtem(series)
    assert pacbed.from_abtem(series[-1:]).data.shape == (8, 8)
    with pytest.raises(PatternError, match="no diffraction pattern"):
        pacbed.from_abtem(np.ones((4, 4)))


def test_lazy_patterns_with_the_centre_in_a_corner(scanned):
    found = scanned[0]
    usual = pacbed.from_abtem(found)
    other = type(found)(
        np.fft.ifftshift(found.array, axes=(-2, -1)), found.sampling, fftshift=False,
        ensemble_axes_metadata=found.ensemble_axes_metadata, metadata=found.metadata,
    ).ensure_lazy()  # fmt: skip
    np.testing.assert_allclose(pacbed.from_abtem(other).data, usual.data, rtol=1e-5)


def test_every_program_gets_thickness_and_tilt_in_its_units(answered):
    _, estimate = answered
    system = pacbed.load_bundle("sto-001-200kV").system
    one = replace(
        estimate, thickness_nm=20.3, tilt_x_mrad=1.5, tilt_y_mrad=-3.0, convergence_mrad=12.0
    )
    text, ending = start_values(one, system, "ptyrad")
    assert ending == ".yml"
    for line in (
        "  probe_kv: 200.0", "  probe_conv_angle: 12.0", "  obj_Nlayer: 20",
        "  obj_slice_thickness: 10.15  # Å", "    init_tilts: [[-3.0, 1.5]]",
    ):  # fmt: skip
        assert f"\n{line}\n" in text
    text, _ = start_values(one, system, "phaser", slice_nm=2.0)
    assert "\n  n: 10\n  total_thickness: 203  # Å\n" in text
    assert "\n    type: global\n    tilt: [-3.0, 1.5]\n" in text
    for program in PROGRAMS:
        with pytest.raises(OutOfRangeError, match="must not be used"):
            start_values(replace(one, status="mismatch"), system, program)
    with pytest.raises(OutOfRangeError, match="no direction"):
        start_values(replace(one, tilt_x_mrad=None), system, "json")
    with pytest.raises(OutOfRangeError, match="slices of 0 nm"):
        start_values(one, system, "json", 0.0)
    assert "# AMBIGUOUS" in start_values(replace(one, status="ambiguous"), system, "phaser")[0]


def test_the_command_writes_beside_no_other_file(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pattern = repository / "examples" / "sto-001-200kV_56nm.npy"
    asked = ("infer", pattern, "--system", "sto-001-200kV", "--convergence", 15)
    succeed(*asked, "--export", "ptyrad")
    assert [path.name for path in tmp_path.iterdir()] == ["sto-001-200kV_56nm-ptyrad.yml"]
    text = (tmp_path / "sto-001-200kV_56nm-ptyrad.yml").read_text("utf-8")
    assert "obj_Nlayer: 56" in text
    assert "give one of ptyrad, phaser, json" in fail(*asked, "--export", "other")
