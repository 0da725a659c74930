"""The answer can be sent as JSON and cannot be changed."""

import dataclasses
import json

import pytest

from pacbed.answer.estimate import Alternative, Estimate, ThicknessDistribution


@pytest.fixture
def estimate() -> Estimate:
    return Estimate(
        system="sto-001-200kV",
        status="ambiguous",
        thickness_nm=20.0,
        thickness_std_nm=0.7,
        thickness_interval95_nm=(18.6, 21.4),
        tilt_x_mrad=3.0,
        tilt_y_mrad=-4.0,
        tilt_std_mrad=0.2,
        mistilt_mrad=5.0,
        azimuth_deg=307.0,
        mrad_per_pixel=0.5,
        scale=1.0,
        rotation_deg=None,
        center_row_px=30.0,
        center_column_px=34.0,
        residual=None,
        alternatives=(Alternative(31.0, 4.0, 0.12),),
        thickness_distribution=ThicknessDistribution((20.0, 31.0), (0.88, 0.12)),
        warnings=("the camera length was not given",),
        provenance={"version": "1.2.3"},
    )


def test_goes_through_json_unharmed(estimate: Estimate) -> None:
    sent = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    told = {field.name for field in dataclasses.fields(Estimate)} - {"basis"}
    assert sent.keys() == told
    assert sent["thickness_interval95_nm"] == [18.6, 21.4]
    assert sent["rotation_deg"] is None
    (alternative,) = sent["alternatives"]
    told = {"thickness_nm": 31.0, "mistilt_mrad": 4.0, "probability": 0.12}
    assert {name: value for name, value in alternative.items() if value is not None} == told
    assert "tilt_x_mrad" in alternative
    assert sent["thickness_distribution"]["probability"] == [0.88, 0.12]


@pytest.mark.parametrize("name", ["thickness_nm", "status", "warnings"])
def test_is_frozen(estimate: Estimate, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(estimate, name, None)


def test_changing_the_dict_leaves_the_estimate(estimate: Estimate) -> None:
    estimate.to_dict()["provenance"]["version"] = "other"
    assert estimate.provenance["version"] == "1.2.3"


def test_two_estimates_share_no_provenance(estimate: Estimate) -> None:
    fields = {field.name: getattr(estimate, field.name) for field in dataclasses.fields(Estimate)}
    del fields["provenance"], fields["warnings"]
    first, second = Estimate(**fields), Estimate(**fields)
    assert first.warnings == ()
    assert first.provenance is not second.provenance
