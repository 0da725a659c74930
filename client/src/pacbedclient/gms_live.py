"""Live in Gatan Microscopy Suite: the front image, again and again, with the answer on it."""

import time
import zlib
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from pacbedclient.client import Client
from pacbedclient.errors import PacbedClientError
from pacbedclient.gms import ascii_line, store, with_error
from pacbedclient.stage import stated_axes

LIVE = "PACBED:Live:"
SETTINGS = "PACBED:Settings:"
_DEFAULT_URL = "http://127.0.0.1:8230"
#: One that has shown no sign for so long is not running any more, s.
_SILENT_S = 90.0
#: A stop is noticed after so long, s.
_NOTICE_S = 0.2
#: Text on the picture: where it begins and its size, in pixels of the image.
_LEFT, _TOP, _SIZE = 4, 4, 12
_YELLOW = (1.0, 1.0, 0.0)


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
        Where +α and +β move the zone axis, as ``pacbed stage calibrate`` says: then the text
        says where to tilt.
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
        Client(url or _text(tags, SETTINGS + "url") or _DEFAULT_URL, timeout_s),
        system if system is not None else _text(tags, SETTINGS + "system"),
        convergence_mrad or _number(tags, SETTINGS + "convergence_mrad"),
        None if directions_deg is None else stated_axes(*directions_deg),
    )
    overlay, last, answered = Overlay(DM), None, 0
    tags.SetTagAsString(LIVE + "stop", "no")
    try:
        while _text(tags, LIVE + "stop") != "yes":
            tags.SetTagAsString(LIVE + "seen_s", str(int(time.time())))
            image = _front(DM)
            now = None if image is None else _fingerprint(image)
            if image is not None and now != last:
                last = now
                answered += asking.answer(image, overlay)
            _wait(tags, interval_s, sleep)
    finally:
        tags.SetTagAsString(LIVE + "seen_s", "")
    return answered


class Overlay:
    """One text on one picture, in place of the one before.

    Where a version of GMS has no such text, it goes to the window of results.

    Parameters
    ----------
    DM : module
    """

    def __init__(self, DM: Any) -> None:
        self._DM = DM
        self._shown: Any = None

    def show(self, image: Any, text: str) -> None:
        """Show a text on an image."""
        try:
            if self._shown is not None:
                self._shown.RemoveFromParent()
        except Exception:  # its image was closed
            self._shown = None
        try:
            label = self._DM.NewTextAnnotation(_LEFT, _TOP, text, _SIZE)
            label.SetForegroundColor(*_YELLOW)
            image.GetImageDisplay(0).AddChildAtEnd(label)
            self._shown = label
        except Exception:  # another version of GMS
            self._shown = None
            self._DM.Result(text + "\n")


class _Asking:
    """The service, and how it is asked."""

    def __init__(
        self,
        client: Client,
        system: Union[str, int],
        convergence_mrad: float,
        axes: Optional[Any],
    ) -> None:
        self._client, self._system = client, system
        self._convergence_mrad, self._axes = convergence_mrad, axes

    def answer(self, image: Any, overlay: Overlay) -> int:
        """Answer one image; 1 where it was answered."""
        try:
            pixels = np.array(image.GetNumArray())
            estimate = self._client.infer(pixels, self._convergence_mrad, system=self._system)
            store(image.GetTagGroup(), estimate)
            thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm, "nm")
            mistilt = with_error(estimate.mistilt_mrad, estimate.tilt_std_mrad, "mrad")
            lines = [f"{thickness}, {mistilt} ({estimate.status})", *self._guidance(estimate)]
            overlay.show(image, "\n".join(map(ascii_line, lines)))
        except (PacbedClientError, ValueError) as error:
            overlay.show(image, ascii_line(f"PACBED: {error}"))
            return 0
        return 1

    def _guidance(self, estimate: Any) -> Sequence[str]:
        if self._axes is None:
            return ()
        said = self._client.guidance(estimate, self._axes)
        if said is None:
            return ("no guidance",)
        return (
            "tilt alpha by {alpha_deg:+.2f}, beta by {beta_deg:+.2f} deg "
            "(+/- {alpha_std_deg:.2f}, {beta_std_deg:.2f})".format(**said),
        )


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
