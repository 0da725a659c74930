"""The widget: which layer, which system, which angle; the answer as text and on the pattern."""

from functools import partial
from typing import TYPE_CHECKING, Any

import pacbed
from magicgui.widgets import ComboBox, Container, FloatSpinBox, PushButton, TextEdit
from napari.layers import Image, Layer
from napari.qt.threading import create_worker
from pacbed.errors import PacbedError

from pacbed_napari.answer import infer, pattern_of, shapes, words
from pacbed_napari.reader import KEY

if TYPE_CHECKING:
    from napari.components import ViewerModel

_UNKNOWN = "0: found from the pattern"


class PacbedWidget(Container[Any]):
    """Infers the pattern of a layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "ViewerModel") -> None:
        self._viewer = napari_viewer
        names = [system.name for system in pacbed.installed_systems()]
        self.pattern = ComboBox(label="Pattern", choices=self._images, nullable=False)
        self.system = ComboBox(label="System", choices=names)
        self.convergence = _angle("Convergence (mrad)", 1)
        self.scale = _angle("mrad per pixel", 4)
        self.button = PushButton(text="Infer")
        self.answer = TextEdit(label="", value="")
        self.answer.read_only = True
        super().__init__(
            widgets=[
                self.pattern, self.system, self.convergence, self.scale, self.button, self.answer,
            ]
        )  # fmt: skip
        self.button.changed.connect(self._begin)
        self.pattern.changed.connect(self._take_what_is_known)
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.connect(self._layers_changed)
        self._take_what_is_known()

    def _images(self, _: Any = None) -> list[Layer]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]

    def _layers_changed(self, _: Any = None) -> None:
        self.pattern.reset_choices()
        self._take_what_is_known()

    def _take_what_is_known(self, _: Any = None) -> None:
        """Fill in what the file of the chosen layer says."""
        known = {} if self.pattern.value is None else self.pattern.value.metadata.get(KEY, {})
        self.convergence.value = known.get("convergence_mrad") or 0
        self.scale.value = known.get("mrad_per_pixel") or 0

    def _begin(self) -> None:
        layer = self.pattern.value
        if layer is None:
            self.answer.value = "Open a diffraction pattern first."
            return
        asked = self.convergence.value or None
        try:
            pattern = pattern_of(layer.data, layer.rgb)
        except PacbedError as error:
            self.answer.value = str(error)
            return
        self.button.enabled, self.answer.value = False, "…"
        # Seconds the first time: the window shall not stand still meanwhile. Errors are shown here.
        worker = create_worker(
            infer, pattern, self.system.value, asked, self.scale.value or None,
            _start_thread=False, _ignore_errors=True,
        )  # fmt: skip
        worker.returned.connect(partial(self._show, layer, asked))
        worker.errored.connect(self._fail)
        worker.finished.connect(self._end)
        worker.start()

    def _show(self, layer: Layer, asked: float | None, estimate: pacbed.Estimate) -> None:
        self.answer.value = words(estimate)
        like = {"scale": layer.scale[-2:], "translate": layer.translate[-2:]}
        drawn, shown, _ = shapes(estimate, asked, like)
        for old in [other for other in self._viewer.layers if other.name.startswith("PACBED ")]:
            self._viewer.layers.remove(old)
        if drawn:
            self._viewer.add_shapes(drawn, **shown)

    def _fail(self, error: Exception) -> None:
        known = isinstance(error, PacbedError)
        self.answer.value = str(error) if known else f"{type(error).__name__}: {error}"

    def _end(self) -> None:
        self.button.enabled = True


def _angle(label: str, decimals: int) -> FloatSpinBox:
    return FloatSpinBox(
        label=label, value=0, min=0, max=1000, step=10.0**-decimals, tooltip=_UNKNOWN
    )
