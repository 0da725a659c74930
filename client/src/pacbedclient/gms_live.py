"""Live in Gatan Microscopy Suite: the front image, again and again, with the answer on it."""

import time
import zlib
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

import numpy as np

from pacbedclient.client import Client
from pacbedclient.errors import PacbedClientError
from pacbedclient.gms import ascii_line, store, with_error
from pacbedclient.gms_overlay import remove_text, show_text
from pacbedclient.gms_stage import guide
from pacbedclient.stage import stated_axes

LIVE = "PACBED:Live:"
SETTINGS = "PACBED:Settings:"
_DEFAULT_URL = "http://127.0.0.1:8230"
#: One that has shown no sign for so long is not running any more, s.
_SILENT_S = 90.0
#: A stop is noticed after so long, s.
_NOTICE_S = 0.2


def toggle(DM: Any, **settings: Any) -> int:
    """Begin :func:`live`, or stop the one that runs: a script that is run again stops.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    **settings
        As for :func:`live`.

    Returns
    -------
    int
        How many patterns were answered; 0 where one was stopped.
    """
    tags = DM.GetPersistentTagGroup()
    seen = _text(tags, LIVE + "seen_s")
    if seen and time.time() - float(seen) < _SILENT_S:
        tags.SetTagAsString(LIVE + "stop", "yes")
        return 0
    return live(DM, **settings)


def live(
    DM: Any,
    interval_s: float = 1.0,
    system: Optional[Union[str, int]] = None,
    convergence_mrad: Optional[float] = None,
    url: Optional[str] = None,
    directions_deg: Optional[Sequence[float]] = None,
    timeout_s: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Infer the front image whenever it has changed, until the tag ``PACBED:Live:stop`` is ``yes``.

    The answer stands on the picture as text and in its tags, as after
    :func:`pacbedclient.gms.infer`. What goes wrong stands there too, and ends nothing.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    interval_s : float
        Time between two looks, s.
    system, convergence_mrad, url
        By default what the window of ``pacbed_window.s`` was told last.
    directions_deg : sequence of float, optional
        Where +α and +β move the zone axis, as ``pacbed stage calibrate`` says; by default what
        was calibrated in the window of ``pacbed_window.s``. Then the text says where to tilt.
    timeout_s : float
        Time limit of an answer, s.
    sleep : callable
        Waits for some seconds.

    Returns
    -------
    int
        How many patterns were answered.
    """
    tags = DM.GetPersistentTagGroup()
    asking = _Asking(
        DM,
        Client(url or _text(tags, SETTINGS + "url") or _DEFAULT_URL, timeout_s),
        system if system is not None else _text(tags, SETTINGS + "system"),
        convergence_mrad or _number(tags, SETTINGS + "convergence_mrad"),
        None if directions_deg is None else stated_axes(*directions_deg),
    )
    last, answered = None, 0
    tags.SetTagAsString(LIVE + "stop", "no")
    try:
        while _text(tags, LIVE + "stop") != "yes":
            tags.SetTagAsString(LIVE + "seen_s", str(int(time.time())))
            image = _front(DM)
            now = None if image is None else _fingerprint(image)
            if image is not None and now != last:
                last = now
                answered += asking.answer(image)
            _wait(tags, interval_s, sleep)
    finally:
        tags.SetTagAsString(LIVE + "seen_s", "")
    return answered


class _Asking:
    """The service, and how it is asked."""

    def __init__(
        self,
        DM: Any,
        client: Client,
        system: Union[str, int],
        convergence_mrad: float,
        axes: Optional[List[Dict[str, Any]]],
    ) -> None:
        self._DM, self._client, self._system = DM, client, system
        self._convergence_mrad, self._axes = convergence_mrad, axes
        self._shown: Optional[int] = None

    def answer(self, image: Any) -> int:
        """Answer one image; 1 where it was answered."""
        # The text follows the front image.
        if self._shown is not None:
            remove_text(self._shown)
        self._shown = image.GetID()
        try:
            pixels = np.array(image.GetNumArray())
            estimate = self._client.infer(pixels, self._convergence_mrad, system=self._system)
            store(image.GetTagGroup(), estimate)
            thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm, "nm")
            mistilt = with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad, "mrad")
            tilting = guide(self._DM, self._client, image, estimate, self._axes)
            lines = [f"{thickness}, {mistilt} ({estimate.status})", tilting]
            show_text(self._DM, image, "\n".join(map(ascii_line, filter(None, lines))))
        except (PacbedClientError, ValueError) as error:
            show_text(self._DM, image, ascii_line(f"PACBED: {error}"))
            return 0
        return 1


def _front(DM: Any) -> Any:
    """The front image; None where there is none."""
    try:
        return DM.GetFrontImage()
    except Exception:  # GMS raises one of its own
        return None


def _fingerprint(image: Any) -> Any:
    """What changes when the image does."""
    return image.GetID(), zlib.crc32(np.ascontiguousarray(image.GetNumArray()).tobytes())


def _wait(tags: Any, seconds: float, sleep: Callable[[float], None]) -> None:
    """Wait, unless it shall stop."""
    left = seconds
    while left > 0 and _text(tags, LIVE + "stop") != "yes":
        sleep(min(left, _NOTICE_S))
        left -= _NOTICE_S


def _text(tags: Any, path: str) -> str:
    there, value = tags.GetTagAsString(path)
    return str(value) if there else ""


def _number(tags: Any, path: str) -> float:
    there, value = tags.GetTagAsFloat(path)
    return float(value) if there else 0.0
