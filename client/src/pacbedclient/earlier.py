"""The three functions of the earlier client, with its names, signatures and results.

Scripts that were written for it run unchanged. They were made for DigitalMicrograph,
where Python can return nothing to DMScript: pictures and tags carry the result.
"""

from typing import Any, Dict

from pacbedclient.errors import AnswerError
from pacbedclient.gms_picture import show_channels
from pacbedclient.records import picture
from pacbedclient.transport import Transport
from pacbedclient.wire import INFERENCE_PATH, inference_form, physical_params

#: The earlier client waited for ever, which froze DigitalMicrograph with it.
_TIMEOUT_S = 120.0
_RETRIES = 20


def query(
    image_array: Any,
    crystal_structure: str = "Rutile",
    acceleration_voltage: Any = 80000,
    convergence_angle: Any = 20,
    zone_u: int = 0,
    zone_v: int = 0,
    zone_w: int = 1,
    host: str = "localhost",
    port: int = 8010,
) -> Dict[str, Any]:
    """Ask the service for thickness and mistilt of a pattern.

    Parameters
    ----------
    image_array : array_like
        Pattern, two-dimensional, of real numbers.
    crystal_structure : str
        Material as the service names it, without regard to case.
    acceleration_voltage : float or str
        High tension, V.
    convergence_angle : float
        Convergence semi-angle, mrad.
    zone_u, zone_v, zone_w : int
        Zone axis, a direction.
    host, port : str, int
        Where the service is. ``pacbed serve`` listens on 8230; the default is the
        earlier client's.

    Returns
    -------
    dict
        ``thickness`` (Å), ``mistilt`` (mrad), ``scale``, and ``validation`` (measured
        beside simulated pattern, RGB, uint8, shape (rows, columns, 3)), with whatever
        else the service gives.

    Raises
    ------
    PacbedClientError
        One of the classes below it, saying what is wrong.
    """
    physical = physical_params(
        crystal_structure, acceleration_voltage, convergence_angle, (zone_u, zone_v, zone_w)
    )
    body, content_type = inference_form(image_array, {"physical_params": physical})
    name = f"[{host}]" if ":" in host else host  # an address of IPv6
    transport = Transport(f"http://{name}:{port}", _TIMEOUT_S, _RETRIES)
    answer = transport.send_for_json("POST", INFERENCE_PATH, body, content_type)
    if not isinstance(answer, dict):
        raise AnswerError("the service's answer is not an inference")
    keys = ("thickness", "mistilt", "scale", "validation")
    missing = [key for key in keys if answer.get(key) is None]
    if missing:
        raise AnswerError("the service's answer lacks {}".format(", ".join(missing)))
    return dict(answer, validation=picture(answer))


def arrayfromID(DM: Any, id: int) -> Any:  # noqa: N802 - the earlier client's names
    """Return the pixels of a DigitalMicrograph image.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    id : int
        ID of the image, from ``ImageGetID`` in DMScript.

    Returns
    -------
    numpy.ndarray
        Indexed ``[row, column]``; it shares its memory with the image.

    Raises
    ------
    LookupError
        If there is no such image.
    """
    image = DM.FindImageByID(id)
    if image is None:
        raise LookupError(f"DigitalMicrograph has no image with the ID {id}")
    return image.GetNumArray()


def imagefromresponse(DM: Any, resp: Dict[str, Any], namespace: str = "pacbed") -> None:
    """Show an answer in DigitalMicrograph, for DMScript to pick up by name.

    Makes three images, the red, green and blue channel of the validation picture, named
    ``<namespace>:viz_r``, ``viz_g`` and ``viz_b``. The first has the tags ``thickness``
    (Å), ``mistilt`` (mrad) and ``scale``.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    resp : dict
        What :func:`query` returned.
    namespace : str
        Begins the names of the images.
    """
    show_channels(DM, resp, namespace)
