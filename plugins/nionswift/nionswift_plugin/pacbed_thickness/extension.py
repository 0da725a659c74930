"""The menu *PACBED*: what Swift calls, and what it is given."""

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pacbed
from pacbed.errors import PacbedError

from nionswift_plugin.pacbed_thickness.answer import disk_of, metadata_with, table, words
from nionswift_plugin.pacbed_thickness.asked import QUESTION, Asked, parse, suggested
from nionswift_plugin.pacbed_thickness.pattern import SwiftPattern, pattern_of

_log = logging.getLogger(__name__)
#: Where the table is written, unless told otherwise.
_TABLE = "pacbed-answers.csv"


class _InPacbedMenu:
    """Where the items stand."""

    menu_id = "pacbed_menu"
    menu_name = "PACBED"
    menu_before_id = "window_menu"


class InferItem(_InPacbedMenu):
    """Asks for system and angle, infers the chosen data item, and shows the answer."""

    menu_item_name = "Thickness and Mistilt…"

    def __init__(self) -> None:
        self._last: str | None = None

    def menu_item_execute(self, window: Any) -> None:
        """Swift calls this where the item is chosen."""
        item = window.target_data_item
        if item is None or item.xdata is None:
            _say(window, "PACBED: choose a data item with a diffraction pattern first.")
            return
        try:
            pattern = pattern_of(item.xdata)
            first = suggested(pattern, pacbed.installed_systems(), self._last)
        except PacbedError as error:
            _say(window, f"PACBED: {error}")
            return
        window.show_get_string_message_box(
            QUESTION, first.text, lambda text: self._begin(window, item, pattern, text)
        )

    def _begin(self, window: Any, item: Any, pattern: SwiftPattern, text: str) -> None:
        try:
            asked = parse(text)
        except PacbedError as error:
            _say(window, f"PACBED: {error}")
            return
        self._last = asked.system
        # Seconds the first time: the windows shall not stand still meanwhile.
        work = threading.Thread(target=_work, args=(window, item, pattern, asked), daemon=True)
        work.start()


class TableItem(_InPacbedMenu):
    """Writes the answers of all data items into a file."""

    menu_item_name = "Table of Answers…"

    def __init__(self, api: Any) -> None:
        self._api = api

    def menu_item_execute(self, window: Any) -> None:
        """Swift calls this where the item is chosen."""
        window.show_get_string_message_box(
            "File for the table (CSV)", str(Path.home() / _TABLE), lambda t: self._write(window, t)
        )

    def _write(self, window: Any, text: str) -> None:
        path = Path(text).expanduser()
        items = [(item.title, item.metadata) for item in self._api.library.data_items]
        try:
            path.write_text(table(items), encoding="utf-8")
        except OSError as error:
            _say(window, f"PACBED: {path} cannot be written ({error.strerror}).")


class PacbedExtension:
    """Swift makes one of these, and keeps it."""

    extension_id = "pacbed.thickness"

    def __init__(self, api_broker: Any) -> None:
        api = api_broker.get_api(version="1", ui_version="1")
        items = (InferItem(), TableItem(api))
        self._kept = [api.create_menu_item(item) for item in items]

    def close(self) -> None:
        """Swift calls this at its end."""
        for reference in self._kept:
            reference.close()
        self._kept = []


@lru_cache(maxsize=2)
def _predictor(system: str) -> Any:
    return pacbed.open_predictor(pacbed.load_bundle(system))


def _work(window: Any, item: Any, pattern: SwiftPattern, asked: Asked) -> None:
    """Infer, in a thread of its own, and have the answer shown by the window's."""
    window.queue_task(_answered(window, item, pattern, asked))


def _answered(window: Any, item: Any, pattern: SwiftPattern, asked: Asked) -> Callable[[], None]:
    try:
        estimate = _predictor(asked.system).infer(
            pattern.data, asked.convergence_mrad, pattern.mrad_per_pixel
        )
    except PacbedError as error:
        said = f"PACBED: {error}"
        return lambda: _say(window, said)
    except Exception as error:
        _log.exception("an inference failed")
        failed = f"PACBED failed ({type(error).__name__}): please report what the console says."
        return lambda: _say(window, failed)
    return lambda: _show(window, item, estimate, pattern.data.shape, asked)


def _show(
    window: Any, item: Any, estimate: pacbed.Estimate, shape: tuple[int, int], asked: Asked
) -> None:
    item.set_metadata(metadata_with(item.metadata, estimate))
    disk = disk_of(estimate, shape, asked.convergence_mrad)
    # On an image alone: what a scan shows is no pattern.
    if disk is not None and len(item.xdata.data_shape) == 2:
        for region in item.regions:
            if (region.label or "").startswith("PACBED "):
                item.remove_region(region)
        ellipse = item.add_ellipse_region(*disk.center, *disk.size)
        ellipse.label = f"PACBED {estimate.thickness_nm:.1f} nm ({estimate.status})"
    _say(window, words(estimate))


def _say(window: Any, text: str) -> None:
    window.show_confirmation_message_box(text, lambda: None, accepted_text="OK")
