"""Text on a picture in Gatan Microscopy Suite."""

from typing import Any, Dict

#: Text on the picture: where it begins and its size, in pixels of the image.
_LEFT, _TOP, _SIZE = 4, 4, 12
_YELLOW = (1.0, 1.0, 0.0)
#: The texts that lie on pictures, by the numbers of these; GMS keeps the module between calls.
_LABELS: Dict[int, Any] = {}


def show_text(DM: Any, image: Any, text: str) -> None:
    """Show a text on an image, in place of the one before.

    Where a version of GMS has no such text, it goes to the window of results.

    Parameters
    ----------
    DM : module
        ``DigitalMicrograph``.
    image : Py_Image
    text : str
        ASCII; may have several lines.
    """
    remove_text(image.GetID())
    try:
        label = DM.NewTextAnnotation(_LEFT, _TOP, text, _SIZE)
        label.SetForegroundColor(*_YELLOW)
        image.GetImageDisplay(0).AddChildAtEnd(label)
        _LABELS[image.GetID()] = label
    except Exception:  # another version of GMS
        DM.Result(text + "\n")


def remove_text(image_id: int) -> None:
    """Take the text away that was shown on an image."""
    label = _LABELS.pop(image_id, None)
    try:
        if label is not None:
            label.RemoveFromParent()
    except Exception:  # its image was closed
        return
