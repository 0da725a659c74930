"""Where to tilt in Gatan Microscopy Suite: for the window and for the live script.

The patterns at known angles are kept in the persistent tag ``PACBED:Stage:patterns``.
"""

import json
from typing import Any, Dict, List, NamedTuple, Optional

from pacbedclient.client import Client

STAGE = "PACBED:Stage:"
#: Where the tags of an image say the angles of the stage, degrees.
_ALPHA = "Microscope Info:Stage Position:Stage Alpha"
#: As many patterns are kept.
_MOST = 100
_TILT = ("tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad")
FEW = "Tilt alpha and beta by 0.5 to 1 degree each, infer a pattern there, and add it."


class _Seen(NamedTuple):
    """What of an answer counts here."""

    status: str
    tilt_x_mrad: float
    tilt_y_mrad: float
    tilt_std_mrad: float


def kept_patterns(DM: Any) -> List[Dict[str, Any]]:
    """Patterns at known angles, as :meth:`pacbedclient.Client.guidance` takes them."""
    there, text = DM.GetPersistentTagGroup().GetTagAsString(STAGE + "patterns")
    try:
        patterns = json.loads(text) if there and text else []
    except ValueError:
        patterns = []
    return patterns if isinstance(patterns, list) else []


def forget_patterns(DM: Any) -> None:
    """Begin the calibration anew."""
    DM.GetPersistentTagGroup().SetTagAsString(STAGE + "patterns", "")


def add_pattern(DM: Any, client: Client, image: Any, alpha_deg: float, beta_deg: float) -> str:
    """Take the answer in the tags of an image into the calibration of the stage.

    Parameters
    ----------
    DM : module
    client : Client
    image : Py_Image
        Its tags ``PACBED:...`` hold an answer.
    alpha_deg, beta_deg : float
        Where the stage was, degrees.

    Returns
    -------
    str
        Where to tilt, or what is needed first.

    Raises
    ------
    LookupError
        The image has no answer, or none that says where the zone axis is.
    PacbedClientError
        The service refuses the patterns, which are then as before.
    """
    tags = image.GetTagGroup()
    read = [tags.GetTagAsFloat("PACBED:" + name) for name in _TILT]
    status = tags.GetTagAsString("PACBED:status")[1]
    if not all(there for there, _ in read):
        raise LookupError("The image has no answer with a direction. Infer it first.")
    if status in ("mismatch", "out_of_range"):
        raise LookupError("This answer must not be used: " + status.replace("_", " ") + ".")
    seen: Any = _Seen(status, *(float(value) for _, value in read))
    pattern = {name: getattr(seen, name) for name in _TILT}
    pattern.update(alpha_deg=float(alpha_deg), beta_deg=float(beta_deg), file=_name(image))
    patterns = [*kept_patterns(DM), pattern][-_MOST:]
    # What the service refuses is not kept.
    said = FEW if len(patterns) < 2 else tilt_line(client.guidance(seen, patterns, None, alpha_deg))
    DM.GetPersistentTagGroup().SetTagAsString(STAGE + "patterns", json.dumps(patterns))
    return said


def guide(
    DM: Any,
    client: Client,
    image: Any,
    estimate: Any,
    patterns: Optional[List[Dict[str, Any]]] = None,
) -> str:
    """Say how to tilt from an answer, and write it into the tags of its image.

    Parameters
    ----------
    DM : module
    client : Client
    image : Py_Image
    estimate : Estimate
    patterns : list of dict, optional
        In place of those that are kept.

    Returns
    -------
    str
        Empty where there is no calibration.

    Raises
    ------
    PacbedClientError
    """
    known = kept_patterns(DM) if patterns is None else patterns
    if len(known) < 2:
        return ""
    there, alpha_deg = image.GetTagGroup().GetTagAsFloat(_ALPHA)
    said = client.guidance(estimate, known, None, float(alpha_deg) if there else None)
    if said is not None:
        for name in ("alpha_deg", "beta_deg", "alpha_std_deg", "beta_std_deg", "left_mrad"):
            image.GetTagGroup().SetTagAsFloat("PACBED:guide_" + name, float(said[name]))
    return tilt_line(said)


def tilt_line(said: Optional[Dict[str, Any]]) -> str:
    """Guidance on one line of ASCII."""
    if said is None:
        return "no guidance"
    line = (
        "tilt alpha by {alpha_deg:+.2f}, beta by {beta_deg:+.2f} deg "
        "(+/- {alpha_std_deg:.2f}, {beta_std_deg:.2f})".format(**said)
    )
    return line if said["decided"] else line + "; a sign is open: infer there, and add it"


def _name(image: Any) -> str:
    return str(image.GetName())[:300].encode("ascii", "replace").decode("ascii")
