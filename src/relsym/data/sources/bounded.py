"""Exchanges over HTTP that end: each has a time by which it is over, and a size that its answer cannot pass.

``requests`` bounds the wait for the next byte alone. A server that sends one now and then, in its headers or
in its body, would be listened to for ever; and what comes is kept however much it is, unpacked from gzip.
Neither urllib3 nor httpx bounds the whole of an exchange, so every read of the socket is bounded here.
"""

from __future__ import annotations

import io
import json
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from http.client import HTTPResponse, parse_headers
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import HTTPError as BrokenStream
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import parse_url

from relsym.runs.credentials import masked

# An answer that has begun may take this many times as long as the wait for a single byte.
TIMES = 2
# Bytes per second that a download has to come at in the long run; a modem's line brings seven times as many.
PACE = 1024
MIB = 2**20
SMALL_BODY = 16 * MIB
# Statuses of answers that hold what was asked for.
SUCCESS = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_READ_BYTES = 2**14
_PROXY_SCHEMES = ("http", "https")
_SOCKS_SCHEMES = ("socks4", "socks4a", "socks5", "socks5h")
_ANNOUNCEMENTS = range(102, 200)  # statuses that an answer follows: RFC 9110, section 15.2
# urllib3 unpacks gzip and deflate without a package of its own, so they are asked for; these are not. Other
# words there (utf-8, none) mean no packing.
_FOREIGN_PACKINGS = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
_EXACT_DIGITS = 18  # of a whole number that 64 bits hold whatever it is


class TooSlow(requests.ConnectionError):
    """An answer that began, and did not come to its end in time."""


class TooLarge(requests.ConnectionError):
    """An answer of more bytes than any honest one has."""


class Unworkable(ValueError):
    """A proxy, or certificates, that the environment names and nothing can be asked with."""


class Bounds:
    """What one exchange may take; its time begins with the object.

    stall_s: seconds without a byte.
    total_s: seconds in all. None, for files of any size: as long as ``PACE`` bytes a second come, averaged
        over ``stall_s``.
    largest: bytes of a body, unpacked; None: any size.
    passed: the error that tells which bound was passed; None as long as none is.
    """

    def __init__(self, stall_s: float | int, total_s: float | int | None, largest: int | None) -> None:
        self.stall_s = stall_s
        self.total_s = total_s
        self.largest = largest
        self.passed: TooSlow | TooLarge | None = None
        self.received_bytes = 0
        self.until = time.monotonic() + (stall_s if total_s is None else total_s)

    def wait_s(self) -> float | int:
        """Seconds that the next byte may take.

        Raises:
            TimeoutError: the time is over.
        """
        remaining = self.until - time.monotonic()
        if remaining <= 0:
            raise self.late()
        return min(remaining, self.stall_s)

    def late(self) -> TimeoutError:
        """The error once the time is over; ``passed`` says so as well."""
        if not self.received_bytes:
            problem = f"No byte within {self.stall_s:g} s"
        elif self.total_s is None:
            problem = f"timed out, less than {PACE} bytes a second came over {self.stall_s:g} s"
        else:
            problem = f"timed out, no whole answer within {self.total_s:g} s, though bytes came"
        self.passed = TooSlow(problem)
        return TimeoutError(problem)

    def receive(self, count: int) -> None:
        """Note bytes that came.

        Raises:
            OSError: they are more than any body of the largest size takes on its way.
        """
        self.received_bytes += count
        if self.total_s is None:
            earned = self.until + count / PACE
            self.until = min(earned, time.monotonic() + self.stall_s)
        # Headers, and what chunks add to a body, come on top of it.
        if self.largest is not None and self.received_bytes > 2 * self.largest:
            raise self.large()

    def large(self) -> OSError:
        """The error once there is too much; ``passed`` says so as well."""
        problem = f"the answer is larger than {self.largest / MIB:.3g} MiB"
        self.passed = TooLarge(problem)
        return OSError(problem)


_BOUNDS: ContextVar[Bounds | None] = ContextVar("bounds", default=None)


@contextmanager
def within(bounds: Bounds) -> Iterator[None]:
    """Responses that begin in this context, through a ``bounded_session``, keep the bounds to their end."""
    token = _BOUNDS.set(bounds)
    try:
        yield
    finally:
        _BOUNDS.reset(token)


def bounded_session(headers: Mapping[str, str]) -> requests.Session:
    """A session with these headers, for ``exchange`` and for use ``within`` bounds."""
    session = requests.Session()
    session.headers["Accept-Encoding"] = "gzip, deflate"
    session.headers.update(headers)
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter())
    return session


def exchange(
    session: requests.Session, method: str, url: str, timeout_s: float | int, largest: int, **request: Any
) -> requests.Response:
    """The whole answer to one request, which is read as UTF-8; redirects are not followed.

    Args:
        session: from ``bounded_session``.
        timeout_s: seconds without a byte; ``TIMES`` as many for the whole.
        largest: bytes that the body may have, unpacked.
        request: what ``requests.Session.request`` takes.

    Raises:
        Unworkable: see ``check_environment``.
        TooSlow, TooLarge: the answer did not come to its end within the bounds.
        requests.Timeout: no answer began in ``timeout_s``.
        requests.ConnectionError: the connection broke, or what came is no HTTP.
    """
    bounds = Bounds(timeout_s, TIMES * timeout_s, largest)
    try:
        with within(bounds):
            # A redirected POST would arrive as a GET without its question.
            response = session.request(
                method, url, timeout=timeout_s, stream=True, allow_redirects=False, **request
            )
        with response:
            body = _body(response, bounds)
    except (requests.RequestException, BrokenStream, OSError, ValueError) as error:
        if bounds.passed is not None:
            raise bounds.passed from error
        check_environment(session, url)
        if isinstance(error, (requests.ConnectionError, requests.Timeout)):
            raise
        if isinstance(error, ReadTimeoutError):
            raise TooSlow(f"timed out, no byte for {timeout_s:g} s in the midst of an answer") from error
        # Bodies that end early or cannot be unpacked, headers that contradict each other.
        raise requests.ConnectionError(f"the answer broke off, or cannot be read: {error}") from error
    response._content, response._content_consumed = body, True
    # JSON is UTF-8; to guess from the bytes takes seconds on a large body.
    response.encoding = "utf-8"
    return response


def check_environment(session: requests.Session, url: str) -> None:
    """Look, once a request failed, whether the environment lets none succeed.

    Raises:
        Unworkable: its proxy for this URL is no address, or of a kind that is not known; or its certificates
            cannot be read.
    """
    settings = session.merge_environment_settings(url, {}, None, None, None)
    scheme = urlsplit(url).scheme
    proxy = select_proxy(url, settings["proxies"])
    if proxy and not _is_proxy(proxy):
        name = scheme if settings["proxies"].get(scheme) == proxy else "all"
        raise Unworkable(
            f"The environment variable {name.upper()}_PROXY (or {name}_proxy) is {masked(proxy)!r}, which is "
            "no proxy that can be asked: expected http://HOST:PORT (for SOCKS install PySocks). Mend or "
            f"unset it, or name the host of {masked(url)} in NO_PROXY."
        )
    bundle = settings["verify"]
    if scheme == "https" and isinstance(bundle, str) and not os.path.isdir(bundle):
        try:
            ssl.create_default_context(cafile=bundle)
        except OSError as error:
            name = "REQUESTS_CA_BUNDLE" if os.environ.get("REQUESTS_CA_BUNDLE") else "CURL_CA_BUNDLE"
            raise Unworkable(
                f"The environment variable {name} is {bundle!r}, which holds no certificates that can be "
                f"read ({error}). Mend or unset it: without it, those of the package certifi are taken."
            ) from error


def _is_proxy(proxy: str) -> bool:
    """Whether this is the address of a proxy that requests can ask."""
    try:
        parts = parse_url(prepend_scheme_if_needed(proxy, "http"))
    except ValueError:
        return False
    if parts.scheme in _SOCKS_SCHEMES:
        return find_spec("socks") is not None
    return bool(parts.host) and parts.scheme in _PROXY_SCHEMES


def read_json(text: str) -> Any:
    """What a stranger's JSON says, with whole numbers of more than 18 digits as floats.

    Raises:
        ValueError: it is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_int=_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def whole_text(text: str) -> str:
    """The text with U+FFFD in place of halves of characters (lone surrogates), which no file can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(digits: str) -> int | float:
    """Python refuses whole numbers of thousands of digits, and files those of more than 64 bits."""
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _body(response: requests.Response, bounds: Bounds) -> bytes:
    """The body, unpacked piece by piece, so that a small one cannot unpack to more than the memory holds."""
    if response.is_redirect:  # see ``_BoundedAdapter.send``
        return b""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in _FOREIGN_PACKINGS or "," in coding:  # nobody honest packs an answer twice
        raise requests.ConnectionError(f"the body is packed as {coding[:50]!r}, which was not asked for")
    body = bytearray()
    for piece in response.raw.stream(_READ_BYTES, decode_content=True):
        body += piece
        if len(body) > bounds.largest:
            raise bounds.large()
    return bytes(body)


class _BoundedReader(io.RawIOBase):
    """Reads a socket no longer, and no further, than the bounds allow."""

    def __init__(self, reader: io.RawIOBase, socket: Any, bounds: Bounds) -> None:
        self._reader = reader
        self._socket = socket
        self._bounds = bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._bounds.wait_s())
        try:
            count = self._reader.readinto(buffer)
        except TimeoutError as error:
            if time.monotonic() >= self._bounds.until:
                raise self._bounds.late() from error
            raise
        self._bounds.receive(count or 0)
        return count

    def close(self) -> None:
        self._reader.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """The response of the standard library, which reads status, headers and body through one file."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        bounds = _BOUNDS.get()
        if bounds is not None:
            socket_file = self.fp.detach()
            self.fp = io.BufferedReader(_BoundedReader(socket_file, sock, bounds))

    def _read_status(self) -> tuple[str, int, str]:
        """The status of the answer itself; the standard library skips no other announcement than 100."""
        while True:
            line = super()._read_status()
            _, status, _ = line
            if status not in _ANNOUNCEMENTS:
                return line
            parse_headers(self.fp)


class _BoundedAdapter(HTTPAdapter):
    """Makes connections, also through proxies, whose responses are ``_BoundedResponse``."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **options)
        if not issubclass(pool.ConnectionCls.response_class, _BoundedResponse):
            members = {"response_class": _BoundedResponse}
            pool.ConnectionCls = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), members)
        return pool

    def send(self, *args: Any, **options: Any) -> requests.Response:
        response = super().send(*args, **options)
        if response.is_redirect:
            # The session would unpack the body whole, whatever its size. All it says is in the header.
            response.raw.close()
            response._content, response._content_consumed = b"", True
        return response
