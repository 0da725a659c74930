"""Servers beside the service: one with somebody else's page, and a reverse proxy."""

import contextlib
import http.client
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

PAGE = b"<!doctype html><title>somebody else's</title><body>hello</body>"


class SilentHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def give(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def ask(self, port: int, path: str, host: str) -> None:
        """Ask the service at a port for the same, and give on what it says."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "connection", "accept-encoding")
        }
        headers |= {"Host": host, "X-Forwarded-For": self.client_address[0]}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request(self.command, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.give(answer.status, answer.getheaders(), content)


class OtherPage(SilentHandler):
    """Gives the same page for every path."""

    def do_GET(self) -> None:
        self.give(200, [("Content-Type", "text/html")], PAGE)


def proxy_handler(port: int, prefix: str) -> type[SilentHandler]:
    """Make what nginx does with the lines in docs/service.md: the prefix goes, Host stays."""

    class Proxy(SilentHandler):
        def forward(self) -> None:
            # $host: the name that was asked for, in small letters and without its port.
            host = self.headers["Host"].lower().split(":")[0]
            self.ask(port, self.path.removeprefix(prefix), host)

        do_GET = do_POST = do_DELETE = do_PUT = do_OPTIONS = forward

    return Proxy


def rebinding_handler(port: int) -> type[SilentHandler]:
    """Make what a browser sees of a name that led to a page first, and leads here since."""

    class Rebinding(SilentHandler):
        def forward(self) -> None:
            if self.path == "/page":
                self.give(200, [("Content-Type", "text/html")], PAGE)
            else:
                self.ask(port, self.path, self.headers["Host"])

        do_GET = do_POST = do_DELETE = do_PUT = do_OPTIONS = forward

    return Rebinding


@contextlib.contextmanager
def running(handler: type[SilentHandler], certificate: Path | None = None) -> Iterator[int]:
    """Serve from a thread, with TLS where there is a certificate; gives the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
