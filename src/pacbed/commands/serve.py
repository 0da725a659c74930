"""``pacbed serve``: the web service and its page."""

import os
from typing import Annotated

import typer

from pacbed.commands.options import DataOption

#: Where older clients look.
PORT = 8230
#: Time that what is in flight has after SIGTERM, seconds.
_GRACE_SECONDS = 60


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
) -> None:
    """Serve the inference to other programs, and a page to the browser.

    Example: [bold]pacbed serve --data /srv/pacbed/data --workers 2[/bold]

    The page is then at http://localhost:8230/, and what programs need to know at
    http://localhost:8230/docs. Limits (queue, sizes, times) are set by variables, see
    docs/service.md.
    """
    import uvicorn

    from pacbed.library.register import installed_systems
    from pacbed.service.run import run_service
    from pacbed.service.settings import Settings, usable_cores

    # Mistakes are told now, not by each of the processes.
    settings = Settings.from_environment()
    systems = installed_systems(data)
    if data is not None:
        os.environ["PACBED_DATA"] = str(data.resolve())
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104
    typer.echo(f"PACBED-CNN with {len(systems)} systems: open http://{name}:{port}{root_path}/")
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
        )
    )
