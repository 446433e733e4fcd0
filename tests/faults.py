"""What servers do to a response on its way: each fault takes the handler of a request and the right body."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler
from threading import Event

Fault = Callable[[BaseHTTPRequestHandler, bytes], None]
DROP = 0.03  # seconds between two drops
BOMB_BYTES = 2**26


def send(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    status: int = 200,
    kind: str = "application/json",
    length: int | None = None,
    **headers: str,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


def sends(
    status: int = 200, body: bytes | None = None, kind: str = "application/json", **options: str
) -> Fault:
    """Another status, body or header than the right one."""
    return lambda handler, right: send(handler, right if body is None else body, status, kind, **options)


def hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """The connection ends in the midst of the body."""
    send(handler, body[: len(body) // 2], length=len(body))
    hang_up(handler, body)


def garbage(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.wfile.write(os.urandom(300).replace(b"\n", b"a") + b"\r\n\r\n")
    handler.wfile.flush()
    hang_up(handler, body)


def bad_chunk(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"zz\r\nhello\r\n")
    handler.wfile.flush()
    hang_up(handler, body)


def _drop(handler: BaseHTTPRequestHandler, drop: bytes) -> None:
    """Send something now and then, until the client has had enough or the test is over."""
    handler.close_connection = True
    tired = Event()
    for _ in range(200):
        handler.wfile.write(drop)
        handler.wfile.flush()
        tired.wait(DROP)


def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, b"", length=10**6)
    _drop(handler, b" ")


def drip_chunks(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    _drop(handler, b"1\r\n \r\n")


def drip_status(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    _drop(handler, b"H")


def drip_headers(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    _drop(handler, b"x")


def drip_continue(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Ask for more again and again, and never answer."""
    _drop(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def endless(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"10000\r\n" + b" " * 2**16 + b"\r\n")


def endless_line(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """The line that says how long a chunk is never ends."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1" * 2**16)


@cache
def bomb_body() -> bytes:
    """64 MiB of blanks in 64 KiB."""
    return gzip.compress(b" " * BOMB_BYTES)


def bomb(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, bomb_body(), Content_Encoding="gzip")


def bomb_in_bomb(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, gzip.compress(bomb_body()), Content_Encoding="gzip, gzip")


def bomb_that_moved(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, bomb_body(), 302, Content_Encoding="gzip", Location="/elsewhere")


# Come too slowly: each takes as long as the client lets it.
SLOW: dict[str, Fault] = {
    "drip": drip,
    "drip_chunks": drip_chunks,
    "drip_status": drip_status,
    "drip_headers": drip_headers,
    "drip_continue": drip_continue,
}
# Broken, endless, or no answer at all: whatever the right body is, this is none.
BROKEN: dict[str, Fault] = {
    "hang_up": hang_up,
    "cut": cut,
    "garbage": garbage,
    "bad_chunk": bad_chunk,
    "endless": endless,
    "endless_line": endless_line,
    "bomb": bomb,
    "bomb_in_bomb": bomb_in_bomb,
    "not_gzip": sends(body=b"not gzip at all", Content_Encoding="gzip"),
    "unknown_packing": sends(body=b"\x0b\x02", Content_Encoding="br"),
    "two_lengths": sends(Content_Length="7"),
    "huge_header": sends(X_Junk="y" * 70_000),
    "many_headers": sends(**{f"X-{number}": "1" for number in range(200)}),
    "empty": sends(body=b""),
    "no_content": sends(204, b""),
    "page": sends(body=b"<html>Please wait</html>", kind="text/html"),
    "deep": sends(body=b"[" * 100_000),
    "number": sends(body=b"1" * 6000),
    "null": sends(body=b"null"),
    "list": sends(body=b"[]"),
    "boom": sends(500, b"boom", "text/plain"),
    "cloud": sends(520, b"what", "text/plain"),
    "status_999": sends(999, b"what", "text/plain"),
}


def announced(status: int) -> Fault:
    """The right answer, announced by two statuses before it."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        line = f"HTTP/1.1 {status} Soon\r\nLink: </style.css>\r\n\r\n"
        handler.wfile.write(2 * line.encode())
        send(handler, body)

    return fault


# Right answers in odd dress.
ODD_BUT_RIGHT: dict[str, Fault] = {
    "type": sends(kind="image/png"),
    "charset": sends(kind="application/json; charset=utf-7-nope"),
    "undefined": sends(kind="application/json; charset=undefined"),
    "packed": lambda handler, body: send(handler, gzip.compress(body), Content_Encoding="gzip"),
    "not_packed": sends(Content_Encoding="utf-8"),
    "packed_as_none": sends(Content_Encoding="none"),
    "processing": announced(102),
    "early_hints": announced(103),
    "mark": lambda handler, body: send(handler, b"\xef\xbb\xbf" + body),
}
# Values of Retry-After that are waited for, or say nothing; and those that nobody waits for.
PATIENT = ("-5", "soon", "nan", "inf", "0.5", "0", "", "Wed, 21 Oct 1999 07:28:00 GMT", "Wed, 99 Oct 2099")
ENDLESS = ("99999999", "9" * 5000, "Wed, 21 Oct 2099 07:28:00 GMT")
