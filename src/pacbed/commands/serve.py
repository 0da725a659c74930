"""``pacbed serve``: the web service and its page."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.options import DataOption
from pacbed.errors import OutOfRangeError

#: Where older clients look.
PORT = 8230
#: Time that what is in flight has after SIGTERM, seconds.
_GRACE_SECONDS = 60
#: In which the error bars of own systems are measured, where nothing else is said.
_CALIBRATION_MINUTES = "10"


def serve(
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen at. The default is for this computer alone; 0.0.0.0 opens the"
            " service to the network, where everybody can use it.",
            metavar="ADDRESS",
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.", min=0, max=65535)] = PORT,
    data: DataOption = None,
    workers: Annotated[
        int, typer.Option(help="Processes; each uses the cores that it may.", min=1, max=64)
    ] = 1,
    root_path: Annotated[
        str,
        typer.Option(help="Path under which a reverse proxy offers the service.", metavar="PATH"),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of this computer, or of a reverse proxy, under which the service answers."
            " Without it: localhost and addresses in figures. Give it again for more.",
            metavar="NAME",
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a reverse proxy; its X-Forwarded-For tells the log who asked.",
            metavar="ADDRESS",
        ),
    ] = None,
    own_systems: Annotated[
        bool | None,
        typer.Option(
            "--own-systems/--no-own-systems",
            help="Whether everybody who reaches the service may have crystals simulated from"
            " structure files. By default only where it listens for this computer alone, without"
            " a name or proxy.",
        ),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            help="Folder that patterns arrive in: the page infers them as they come. Only where the"
            " service is for this computer alone.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Serve the inference to other programs, and a page to the browser.

    Example: [bold]pacbed serve --data /srv/pacbed/data --workers 2[/bold]

    The page is then at http://localhost:8230/, and what programs need to know at
    http://localhost:8230/docs. Limits (queue, sizes, times) are set by variables, see
    docs/service.md.
    """
    import uvicorn

    from pacbed.library.installed import installed_systems
    from pacbed.service.connections import BACKLOG
    from pacbed.service.exposure import names_at, serves_one_computer, welcome
    from pacbed.service.hosts import listed_proxies
    from pacbed.service.run import run_service
    from pacbed.service.settings import Settings, usable_cores

    # Mistakes are told now, not by each of the processes.
    settings = Settings.from_environment()
    systems = installed_systems(data)
    if data is not None:
        os.environ["PACBED_DATA"] = str(data.resolve())
    names = names_at(host, [settings.allow_hosts, *(allow_host or ())])
    os.environ["PACBED_ALLOW_HOSTS"] = ",".join(names)
    proxies = listed_proxies(",".join([settings.proxy, *(proxy or ())]))
    if watch is not None:
        os.environ["PACBED_WATCH_FOLDER"] = str(watch.resolve())
    watched = Settings.from_environment().watch_folder
    if watched is not None and not serves_one_computer(host, names, proxies):
        raise OutOfRangeError(
            f"{watched}: a folder is watched only where the service is for this computer alone: "
            "leave out --watch, or --host, --allow-host and --proxy."
        )
    if own_systems is None and "PACBED_OWN_SYSTEMS" not in os.environ:
        own_systems = serves_one_computer(host, names, proxies)
    if own_systems is not None:
        os.environ["PACBED_OWN_SYSTEMS"] = "on" if own_systems else "off"
    os.environ.setdefault("PACBED_CALIBRATION_MINUTES", _CALIBRATION_MINUTES)
    welcomed = welcome(host, port, root_path, names)
    typer.echo(f"PACBED-CNN with {len(systems)} systems: {welcomed}")
    if not settings.threads and workers > 1:
        # The cores are shared, not counted by every process.
        os.environ["PACBED_THREADS"] = str(max(1, usable_cores() // workers))
    run_service(
        uvicorn.Config(
            "pacbed_api:app",
            host=host,
            port=port,
            workers=workers,
            root_path=root_path,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            log_level="info",
            http="pacbed.service.connections:WatchedConnection",
            backlog=BACKLOG,
            # Without a proxy anybody could write any address into the log.
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
        )
    )
