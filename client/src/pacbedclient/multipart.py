"""Requests of the type multipart/form-data (RFC 7578)."""

import uuid
from typing import Iterable, NamedTuple, Tuple


class Part(NamedTuple):
    """One field of a form; one with a file name is a file.

    Attributes
    ----------
    name, filename, content_type : str
        Header fields; an empty file name is left out.
    data : bytes
        Content.
    """

    name: str
    filename: str
    content_type: str
    data: bytes


def encode(parts: Iterable[Part]) -> Tuple[bytes, str]:
    """Return the body of a request with these parts, and its content type."""
    boundary = uuid.uuid4().hex
    pieces = []
    for part in parts:
        disposition = f'form-data; name="{_quoted(part.name)}"'
        if part.filename:
            disposition += f'; filename="{_quoted(part.filename)}"'
        head = (
            f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
            f"Content-Type: {part.content_type}\r\n\r\n"
        )
        pieces += [head.encode("utf-8"), part.data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode("ascii"))
    return b"".join(pieces), "multipart/form-data; boundary=" + boundary


def _quoted(text: str) -> str:
    """Escape what would end a quoted header value, as browsers do."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
