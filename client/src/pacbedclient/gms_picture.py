"""The validation picture in DigitalMicrograph."""

from typing import Any, Dict


def show_channels(DM: Any, answer: Dict[str, Any], namespace: str) -> Any:
    """Show the three channels of an answer's picture as images; return the red one.

    Its tags are ``thickness`` (Å), ``mistilt`` (mrad) and ``scale``, the keys of the answer.
    """
    images = []
    for channel, letter in enumerate("rgb"):
        # DigitalMicrograph takes arrays that own their memory, row by row.
        image = DM.CreateImage(answer["validation"][:, :, channel].copy(order="C"))
        image.SetName(f"{namespace}:viz_{letter}")
        images.append(image)
    tags = images[0].GetTagGroup()
    for key in ("thickness", "mistilt", "scale"):
        # Some models give no mistilt: then there is no tag either.
        if answer[key] is not None:
            tags.SetTagAsFloat(key, float(answer[key]))
    for image in images:
        image.ShowImage()
    return images[0]
