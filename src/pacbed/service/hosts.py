"""Which names the service answers to, and which pages are its own.

A page of another host can let its own name lead to this computer (DNS rebinding). To the
browser it then asks its own server, so nothing but the name in ``Host`` gives it away. An
address in figures cannot be borrowed in this way.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from pacbed.errors import OutOfRangeError

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://(.{1,270})")
_USUAL_PORTS = {"http": 80, "https": 443}

Address = IPv4Address | IPv6Address


def split_authority(text: str) -> tuple[str, int | None] | None:
    """Split what stands in ``Host``.

    Parameters
    ----------
    text : str
        Such as ``Lab.example:8230`` or ``[::1]``.

    Returns
    -------
    tuple of str and int or None, or None
        Name in small letters, an IPv6 address without its brackets, and port. None
        where the text is neither a name nor an address.
    """
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    return match[1].strip("[]").removesuffix("."), int(match[2]) if match[2] else None


def listed_hosts(text: str) -> frozenset[str]:
    """Take names apart that are separated by commas.

    Raises
    ------
    OutOfRangeError
        If one of them is no name.
    """
    names = []
    for entry in filter(None, map(str.strip, text.split(","))):
        # An IPv6 address may come with or without brackets.
        parts = split_authority(
            f"[{entry}]" if entry.count(":") > 1 and "[" not in entry else entry
        )
        if parts is None or parts[1] is not None:
            raise OutOfRangeError(
                f'"{entry}" is no name of a host: give names such as lab.example, without http:// '
                "and port, separated by commas"
            )
        names.append(parts[0])
    return frozenset(names)


def listed_proxies(text: str) -> tuple[str, ...]:
    """Take addresses of proxies apart that are separated by commas.

    Raises
    ------
    OutOfRangeError
        If one of them is neither an address nor a network.
    """
    entries = tuple(filter(None, map(str.strip, text.split(","))))
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError:
            raise OutOfRangeError(
                f'"{entry}" is no address of a proxy: give one such as 10.0.0.5 or 10.0.0.0/24'
            ) from None
    return entries


class OwnHosts:
    """The names and addresses of one service.

    Parameters
    ----------
    names : iterable of str
        Names beside those of the loopback, as from :func:`listed_hosts`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def answers(self, host: str, local_address: str | None) -> bool:
        """Tell whether a request is meant for this service.

        Parameters
        ----------
        host : str
            The request's ``Host``.
        local_address : str or None
            Address of this computer at which the request arrived.
        """
        parts = split_authority(host)
        if parts is None:
            return False
        name = parts[0]
        if name == "localhost" or name in self._names:
            return True
        address = _address(name)
        return address is not None and (
            address.is_loopback or address == _address(local_address or "")
        )

    def is_own_page(self, origin: str, host: str) -> bool:
        """Tell whether a page with this origin came from this service.

        Parameters
        ----------
        origin : str
            Such as ``https://lab.example``.
        host : str
            The request's ``Host``. A proxy may have dealt with TLS, so it says nothing of
            the scheme.
        """
        match = _ORIGIN.fullmatch(origin)
        page = split_authority(match[2]) if match else None
        asked = split_authority(host)
        if match is None or page is None or asked is None:
            return False
        usual = _USUAL_PORTS[match[1]]
        if (page[0], page[1] or usual) == (asked[0], asked[1] or usual):
            return True
        # A proxy that puts a name of its own into Host: the browser has asked for this one.
        return page[0] in self._names and page[1] in (None, usual)


def _address(text: str) -> Address | None:
    """An address in figures; the same for both ways to write one of IPv4."""
    try:
        address = ip_address(text.split("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
