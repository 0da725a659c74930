"""The service as an ASGI application: ``uvicorn pacbed_api:app --port 8230``.

Settings come from the environment, see :mod:`pacbed.service.settings`. Nothing is
loaded and no thread started before the server starts.
"""

from pacbed.service.app import create_app

__all__ = ["app", "create_app"]

app = create_app()
