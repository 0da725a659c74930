"""The three functions of the earlier client: names, signatures and results."""

import inspect

import numpy as np
import pytest

import pacbedclient
from pacbedclient import arrayfromID, imagefromresponse, query
from standin_dm import StandInDM
from standin_service import PICTURE

ARGUMENTS = {
    "crystal_structure": "Strontium Titanate",
    "acceleration_voltage": 200000,
    "convergence_angle": 13.6,
    "zone_u": 0,
    "zone_v": 0,
    "zone_w": 1,
    "host": "127.0.0.1",
}


def test_signatures_are_those_of_the_earlier_client():
    signature = inspect.signature(query)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    assert defaults == {
        "image_array": inspect.Parameter.empty,
        "crystal_structure": "Rutile",
        "acceleration_voltage": 80000,
        "convergence_angle": 20,
        "zone_u": 0,
        "zone_v": 0,
        "zone_w": 1,
        "host": "localhost",
        "port": 8010,
    }
    assert list(inspect.signature(arrayfromID).parameters) == ["DM", "id"]
    parameters = inspect.signature(imagefromresponse).parameters
    assert list(parameters) == ["DM", "resp", "namespace"]
    assert parameters["namespace"].default == "pacbed"


def test_public_names():
    assert sorted(pacbedclient.__all__) == sorted(set(pacbedclient.__all__))
    for name in pacbedclient.__all__:
        assert hasattr(pacbedclient, name)


def test_query_sends_what_the_earlier_client_sent(service):
    pattern = np.arange(12, dtype=np.uint16).reshape(3, 4)
    query(pattern, port=service.port, **ARGUMENTS)
    (request,) = service.requests
    assert request["parameters"] == {
        "physical_params": {
            "acceleration_voltage": 200000,
            "crystal_structure": "Strontium Titanate",
            "zone_axis": {"u": 0, "v": 0, "w": 1},
            "convergence_angle": 13.6,
        },
        "file_params": {"typ": "raw", "dtype": "uint16", "width": 4, "height": 3},
    }
    assert np.array_equal(request["pattern"], pattern)


def test_query_returns_the_old_keys_and_the_picture_as_an_array(service):
    result = query(np.full((3, 4), 42.0), port=service.port, **ARGUMENTS)
    assert type(result) is dict
    assert result["thickness"] == 420.0
    assert result["mistilt"] == 5.0
    assert result["scale"] == 0.75
    assert result["validation"].dtype == np.uint8
    assert np.array_equal(result["validation"], PICTURE)


def test_query_takes_positions_numpy_numbers_and_a_voltage_as_text(service):
    pattern = np.full((3, 4), 42, np.int32)
    result = query(
        pattern, "strontium titanate", "200000", np.float64(13.6), np.int64(0), np.int64(0),
        np.int64(1), "127.0.0.1", service.port,
    )  # fmt: skip
    assert result["thickness"] == 420.0


def test_query_says_what_the_service_refuses(service):
    with pytest.raises(pacbedclient.RequestRefusedError, match='no system "diamond"'):
        query(np.ones((3, 4)), port=service.port, **dict(ARGUMENTS, crystal_structure="diamond"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"thickness": 1, "mistilt": 1, "scale": 1}, "lacks validation"),
        ({"thickness": 1, "mistilt": 1, "scale": 1, "validation": None}, "lacks validation"),
        ([1], "not an inference"),
        (3, "not an inference"),
    ],
)
def test_query_wants_all_that_it_returned_before(service, answer, words):
    def behave(handler):
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.reply(200, answer)
        return True

    service.behave = behave
    with pytest.raises(pacbedclient.AnswerError, match=words):
        query(np.ones((3, 4)), port=service.port, **ARGUMENTS)


def test_array_from_id_shares_its_memory_and_has_its_dimensions_reversed():
    dm = StandInDM()
    image = dm.show(np.arange(6, dtype=np.int16).reshape(2, 3))
    array = arrayfromID(dm, image.GetID())
    assert (image.GetDimensionSize(0), image.GetDimensionSize(1)) == (3, 2)
    assert array.shape == (2, 3)
    image.pixels[1, 2] = 77
    assert array[1, 2] == 77


def test_array_from_an_id_that_does_not_exist():
    with pytest.raises(LookupError, match="no image with the ID 5"):
        arrayfromID(StandInDM(), 5)


def test_image_from_response_makes_named_images_with_tags():
    dm = StandInDM()
    resp = {"thickness": 420, "mistilt": 5.0, "scale": np.float32(0.75), "validation": PICTURE}
    assert imagefromresponse(dm, resp, namespace="mine") is None
    for channel, letter in enumerate("rgb"):
        image = dm.named("mine:viz_" + letter)
        assert image.is_shown
        assert np.array_equal(image.pixels, PICTURE[:, :, channel])
    tags = dm.named("mine:viz_r").GetTagGroup()
    assert [tags.value(key) for key in ("thickness", "mistilt", "scale")] == [420.0, 5.0, 0.75]


def test_a_whole_round_as_in_the_published_scripts(service):
    dm = StandInDM()
    front = dm.show(np.full((3, 4), 42, np.uint16))
    script = (
        "from pacbedclient import imagefromresponse, query, arrayfromID; "
        f"imagefromresponse(DM, query(image_array=arrayfromID(DM, {front.GetID()}), "
        "crystal_structure='Strontium titanate', acceleration_voltage=200000, "
        "convergence_angle=20, zone_u=0, zone_v=0, zone_w=1, "
        f"host='127.0.0.1', port={service.port}))"
    )
    exec(script, {"DM": dm})
    assert dm.named("pacbed:viz_r").GetTagGroup().value("thickness") == 420.0
