"""An HTTP server on the loopback interface, in a thread, for tests of what speaks HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections alive, writes answers whole, and prints nothing."""

    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = -1, True

    def log_message(self, *_: object) -> None:
        """Tests read what was asked from the server itself."""


class Loopback:
    """A running server; ``released`` is set as it closes, for handlers that keep a client waiting."""

    def __init__(self, handler: type[QuietHandler]) -> None:
        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.handle_error = lambda *_: None  # a client that hangs up is part of the play
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
