"""Where to tilt: what of a stage is known goes to the service, which does the arithmetic."""

import json
import math
from typing import Any, Dict, List, Optional

from pacbedclient.multipart import Part, encode
from pacbedclient.records import Estimate
from pacbedclient.transport import Transport

_PATH = "/stage/"
_MRAD_PER_DEGREE = 1000 * math.radians(1)


def stated_axes(
    alpha_direction_deg: float, beta_direction_deg: float, std_deg: float = 3.0
) -> List[Dict[str, Any]]:
    """Patterns that say where +α and +β move the zone axis, from +x towards +y, degrees."""
    error = _MRAD_PER_DEGREE * math.radians(std_deg)
    patterns = []
    for alpha, beta, direction in ((0, 0, None), (1, 0, alpha_direction_deg),
                                   (0, 1, beta_direction_deg)):  # fmt: skip
        angle = 0.0 if direction is None else math.radians(direction)
        length = 0.0 if direction is None else _MRAD_PER_DEGREE
        patterns.append(
            {
                "alpha_deg": alpha, "beta_deg": beta, "tilt_std_mrad": error,
                "tilt_x_mrad": length * math.cos(angle), "tilt_y_mrad": length * math.sin(angle),
            }
        )  # fmt: skip
    return patterns


def guidance_for(
    transport: Transport,
    estimate: Estimate,
    patterns: List[Dict[str, Any]],
    mirrored: Optional[bool],
    alpha_deg: Optional[float] = None,
) -> Optional[Dict[str, Any]]:
    """Where to tilt; see :meth:`pacbedclient.Client.guidance`."""
    names = ("tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad")
    seen = {name: getattr(estimate, name) for name in names}
    if estimate.status in ("mismatch", "out_of_range") or None in seen.values():
        return None
    seen["alpha_deg"] = alpha_deg
    asked = {"patterns": patterns, "seen": [seen], "mirrored": mirrored}
    content = json.dumps(asked).encode("utf-8")
    body, content_type = encode([Part("parameters", "", "application/json", content)])
    answer = transport.send_for_json("POST", _PATH, body, content_type)
    guidance: Dict[str, Any] = answer["guidance"][0]
    return guidance
