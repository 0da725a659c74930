"""The Python side of the scripts for Gatan Microscopy Suite (``examples/*.s``).

DMScript can call Python, but Python can return nothing to it, not even an error. So each
function here replies in the persistent tags below ``PACBED:Reply``, whatever happens:
``error`` says in words what went wrong (empty for nothing), and ``request``, set last, is
the number that came with the call. Texts in tags are ASCII.
"""

from typing import Any, Callable, Optional, Union

from pacbedclient.client import Client
from pacbedclient.earlier import arrayfromID
from pacbedclient.errors import PacbedClientError
from pacbedclient.gms_overlay import show_text
from pacbedclient.gms_picture import show_channels
from pacbedclient.gms_stage import add_pattern, forget_patterns, guide
from pacbedclient.records import Estimate

REPLY = "PACBED:Reply:"
SYSTEMS = "PACBED:Systems:"

#: What a status means, where the service does not say it itself.
_STATUS_WORDS = {
    "ok": "The numbers can be used.",
    "ambiguous": "Ambiguous: other thicknesses fit as well.",
    "mismatch": "The pattern does not fit: wrong system, zone axis or convergence angle?",
    "out_of_range": "Outside the range that the system covers.",
}
_NUMBERS = (
    "thickness_nm", "thickness_std_nm", "mistilt_mrad", "tilt_x_mrad", "tilt_y_mrad",
    "tilt_std_mrad", "azimuth_deg", "mrad_per_pixel", "scale", "residual",
)  # fmt: skip


def infer(
    DM: Any,
    request: int,
    image_id: int,
    system: Union[str, int],
    convergence_mrad: float,
    url: str,
    timeout_s: float,
    namespace: str = "pacbed",
) -> None:
    """Infer the pattern in an image; never raises.

    The result becomes tags ``PACBED:...`` of the image, and texts for people in the reply:
    ``thickness``, ``mistilt``, ``status``, ``warnings`` and, with a calibrated stage,
    ``guidance``, which also stands on the image. Where the service gives a
    validation picture, the reply's ``picture`` is 1 and the picture is shown as by
    :func:`~pacbedclient.imagefromresponse`, its red channel with the same tags.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    request : int
        Comes back in the reply.
    image_id : int
        ID of the image.
    system : str or int
        Name or ID of the system.
    convergence_mrad : float
        Convergence semi-angle, mrad.
    url : str
        Address of the service.
    timeout_s : float
        Time limit, s.
    namespace : str
        Begins the names of the channels of the picture.
    """

    def work() -> None:
        pixels = arrayfromID(DM, image_id)
        client, image = Client(url, timeout_s), DM.FindImageByID(image_id)
        estimate = client.infer(pixels, convergence_mrad, system=system, validation=True)
        store(image.GetTagGroup(), estimate)
        if estimate.validation is not None:
            answer = {
                "thickness": 10 * estimate.thickness_nm,
                "mistilt": estimate.mistilt_mrad,
                "scale": estimate.scale,
                "validation": estimate.validation,
            }
            red = show_channels(DM, answer, namespace)
            store(red.GetTagGroup(), estimate)
        _say(DM, estimate)
        _say_guidance(DM, image, guide(DM, client, image, estimate))

    _reply(DM, request, work)


def add_to_stage(
    DM: Any,
    request: int,
    image_id: int,
    alpha_deg: float,
    beta_deg: float,
    url: str,
    timeout_s: float,
) -> None:
    """Take the answer of an image into the calibration of the stage; never raises.

    The reply's ``guidance`` says where to tilt, or what is needed first.

    Parameters
    ----------
    DM, request, image_id, url, timeout_s
        As for :func:`infer`.
    alpha_deg, beta_deg : float
        Where the stage was, degrees.
    """

    def work() -> None:
        image = DM.FindImageByID(image_id)
        said = add_pattern(DM, Client(url, timeout_s), image, alpha_deg, beta_deg)
        _say_guidance(DM, image, said)

    _reply(DM, request, work)


def forget_stage(DM: Any, request: int) -> None:
    """Begin the calibration of the stage anew; never raises."""
    _reply(DM, request, lambda: forget_patterns(DM))


def systems(DM: Any, request: int, url: str, timeout_s: float) -> None:
    """List the systems of the service in persistent tags; never raises.

    Below ``PACBED:Systems`` stand ``count`` and, for each number from 0 on, ``name``,
    ``label`` (for people), ``high_tension_kV``, ``convergence_min_mrad`` and
    ``convergence_max_mrad``.

    Parameters
    ----------
    DM, request, url, timeout_s
        As for :func:`infer`.
    """

    def work() -> None:
        tags = DM.GetPersistentTagGroup()
        found = Client(url, timeout_s).systems()
        for number, system in enumerate(found):
            place = f"{SYSTEMS}{number}:"
            tags.SetTagAsString(place + "name", system.name)
            tags.SetTagAsString(place + "label", ascii_line(str(system)))
            tags.SetTagAsFloat(place + "high_tension_kV", system.high_tension_kV or 0.0)
            low, high = system.convergence_mrad or (0.0, 1000.0)
            tags.SetTagAsFloat(place + "convergence_min_mrad", low)
            tags.SetTagAsFloat(place + "convergence_max_mrad", high)
        tags.SetTagAsLong(SYSTEMS + "count", len(found))

    _reply(DM, request, work)


def _reply(DM: Any, request: int, work: Callable[[], None]) -> None:
    """Do the work and leave a reply, also where it fails."""
    try:
        work()
        problem = ""
    except (PacbedClientError, LookupError) as error:
        problem = str(error)
    except Exception as error:  # DMScript would not learn of it
        problem = f"{type(error).__name__}: {error}"
    tags = DM.GetPersistentTagGroup()
    tags.SetTagAsString(REPLY + "error", ascii_line(problem))
    tags.SetTagAsLong(REPLY + "request", request)


def _say(DM: Any, estimate: Estimate) -> None:
    """Put the result into the reply, in words."""
    tags = DM.GetPersistentTagGroup()
    thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm, "nm")
    if estimate.thickness_interval95_nm is not None:
        low, high = estimate.thickness_interval95_nm
        thickness += f" (95 %: {low:.1f} to {high:.1f} nm)"
    status = estimate.answer.get("status_words") or _STATUS_WORDS.get(estimate.status or "", "")
    tags.SetTagAsString(REPLY + "thickness", thickness)
    tags.SetTagAsString(
        REPLY + "mistilt", with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad, "mrad")
    )
    tags.SetTagAsString(REPLY + "status", ascii_line(status))
    tags.SetTagAsString(REPLY + "warnings", ascii_line("; ".join(estimate.warnings)))
    tags.SetTagAsLong(REPLY + "picture", int(estimate.validation is not None))


def _say_guidance(DM: Any, image: Any, words: str) -> None:
    """Put where to tilt into the reply, and onto the image."""
    DM.GetPersistentTagGroup().SetTagAsString(REPLY + "guidance", ascii_line(words))
    if words:
        show_text(DM, image, ascii_line(words))


def store(tags: Any, estimate: Estimate) -> None:
    """Write an estimate into the tags of an image."""
    for name in _NUMBERS:
        value = getattr(estimate, name)
        if value is not None:
            tags.SetTagAsFloat("PACBED:" + name, float(value))
    if estimate.thickness_interval95_nm is not None:
        for name, value in zip(("low", "high"), estimate.thickness_interval95_nm):
            tags.SetTagAsFloat(f"PACBED:thickness_{name}95_nm", value)
    tags.SetTagAsString("PACBED:system", ascii_line(estimate.system or ""))
    tags.SetTagAsString("PACBED:status", ascii_line(estimate.status or ""))
    tags.SetTagAsString("PACBED:warnings", ascii_line("; ".join(estimate.warnings)))


def with_error(value: Optional[float], error: Optional[float], unit: str) -> str:
    """A number with its error and unit."""
    if value is None:
        return "unknown"
    return f"{value:.1f} {unit}" if error is None else f"{value:.1f} +/- {error:.1f} {unit}"


def ascii_line(text: str) -> str:
    """Write a text on one line with characters that every version of GMS shows."""
    known = text.replace("±", "+/-").replace("Å", "Angstrom").replace("–", "-")
    return " ".join(known.split()).encode("ascii", "replace").decode("ascii")
