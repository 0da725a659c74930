"""Who reaches a service that listens at an address, and under which names it answers."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from pacbed.service.hosts import listed_hosts

#: Addresses that stand for all addresses of the computer.
_ALL = ("0.0.0.0", "::")  # noqa: S104


def names_at(host: str, named: Iterable[str]) -> tuple[str, ...]:
    """Names under which a service answers beside the loopback and its own addresses.

    Parameters
    ----------
    host : str
        Where it listens; where that is a name, it is one of them.
    named : iterable of str
        Lists of names separated by commas, as users give them.

    Raises
    ------
    OutOfRangeError
        If one of them is no name.
    """
    names = set().union(*map(listed_hosts, named))
    if not _is_address(host):
        names.add(host.lower())
    return tuple(sorted(names - {"localhost"}))


def serves_one_computer(host: str, names: Sequence[str], proxies: Sequence[str]) -> bool:
    """Whether nobody elsewhere reaches the service.

    A name of its own, or a proxy that is believed, means that somebody hands requests on.
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return loopback and not names and not proxies


def welcome(host: str, port: int, path: str, names: Sequence[str]) -> str:
    """What is said at the start: where to open the page, and what else leads there.

    Parameters
    ----------
    host : str
    port : int
    path : str
        Under which a proxy offers the service.
    names : sequence of str
        As from :func:`names_at`.
    """
    everywhere = host in _ALL
    local = everywhere or host in ("127.0.0.1", "::1")
    shown = "localhost" if local else f"[{host}]" if ":" in host else host
    lines = [f"open http://{shown}:{port}{path}/"]
    if everywhere:
        lines.append(
            f"Everybody in the network can use it, at http://ADDRESS:{port}{path}/ with an address "
            "of this computer in figures."
        )
    if names:
        lines.append(f"It answers to the names: {', '.join(names)}")
    elif not local or everywhere:
        lines.append(
            "It answers to no name but localhost; --allow-host NAME adds that of this computer "
            "or of a proxy."
        )
    return "\n".join(lines)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
