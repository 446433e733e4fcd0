"""Download a file once: resumed after a break, checked against its SHA-256, then moved into place."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import requests
from urllib3 import Retry
from urllib3.exceptions import HTTPError as BrokenStream
from urllib3.exceptions import InvalidHeader, MaxRetryError

from relsym import __version__
from relsym.data.progress import progress
from relsym.data.sources.bounded import Bounds, bounded_session, check_environment, within
from relsym.runs.credentials import masked
from relsym.runs.files import size_of
from relsym.runs.lock import one_at_a_time
from relsym.runs.modes import make_private

LOG = logging.getLogger(__name__)
UNVERIFIED = "unverified"
USER_AGENT = f"relsym/{__version__}"
# What no wait changes, among the statuses that speak of the server's own trouble.
_LASTING = (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
RETRIED = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.HTTPError)
LONGEST_WAIT = 600.0  # seconds
_SHOWN = 60  # characters of a header in a message
CHUNK_BYTES = 2**16
# RFC 9110, section 14.4. Of more digits no file's size has.
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d{1,18}|\*)/(?:(\d{1,18})|\*)")
_LENGTH = re.compile(r"\d{1,18}")
Returned = TypeVar("Returned")


def fetch(url: str, folder: Path, sha256: str | None, timeout: float | int = 60.0, retries: int = 5) -> Path:
    """Download ``url`` into ``folder`` under its own name, or keep the file that is there.

    A broken download goes on where it stopped. Returns the file's path.

    Args:
        url: http or https.
        folder: made if it is not there.
        sha256: 64 hexadecimal digits, or "unverified", which takes whatever comes and logs a warning.
        timeout: seconds without a byte; over as many, ``PACE`` bytes a second have to come.
        retries: further attempts after a break or a busy server, within this call.

    Raises:
        ValueError: a URL without a file name, no checksum, a wrong checksum, a refusal by the server (4xx).
        ConnectionError: the server was not reached, or the connection broke ``retries`` + 1 times; what came
            is kept for the next call.
        OSError: the disk is full or not writable; what came is kept for the next call.
    """
    name = _name(url)
    expected = _expected(url, sha256)
    target = folder / name
    advice = (
        f"Move {target} away to have {masked(url)} downloaded again, or pass the checksum of the file that "
        "you want."
    )
    if target.exists():
        return _checked(target, expected, advice)

    make_private(folder)
    # Two processes would both append to the part that has come.
    with one_at_a_time(folder / f"partial.{name}.lock", f"downloads {name}"):
        if target.exists():  # another process was quicker
            return _checked(target, expected, advice)
        return _download(url, target, expected, timeout, retries)


def _download(url: str, target: Path, expected: str | None, timeout: float | int, retries: int) -> Path:
    """Download a file, or what is missing of it, and put it in its place; see ``fetch``."""
    partial = target.with_name(f"partial.{target.name}")
    _complete(url, partial, expected, timeout, retries)
    try:
        advice = (
            f"{masked(url)} is not the file it was, or the checksum belongs to another one. What came was "
            "deleted: compare the checksum with its publisher's, then run this again."
        )
        _checked(partial, expected, advice)
    except ValueError:
        # To resume a wrong file would never make it right.
        _forget(partial)
        raise
    os.replace(partial, target)
    _forget(partial)
    return target


def _pause(error: requests.RequestException, wait: float) -> None:
    LOG.warning("%s Trying again in %g s.", masked(str(error)), wait)
    time.sleep(wait)


class TooLongWait(requests.HTTPError):
    """A server asks for a longer pause than is made."""


def may_pass(status: int) -> bool:
    """Whether a server that answers with this status may answer the same request later."""
    is_trouble = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LASTING
    return is_trouble or status in _BUSY


def retry_after(response: requests.Response) -> str:
    """What a server says of when to come back, for a message; "" if it says nothing."""
    value = response.headers.get("Retry-After")
    if value is None:
        return ""
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    return f"Retry-After: {shown}"


def persistent(
    attempt: Callable[[], Returned],
    retries: int,
    jitter: float = 0.0,
    pause: Callable[[requests.RequestException, float], None] = _pause,
) -> Returned:
    """Call ``attempt`` again, at most ``retries`` times, while it raises one of ``RETRIED``; then raise that.

    Waits as long as Retry-After says, else 0, 2, 4, 8 ... s. Returns what ``attempt`` returns.

    Args:
        attempt: called without arguments.
        retries: further attempts after the first.
        jitter: seconds; up to so many, drawn anew each time, are added to a wait that the server did not ask
            for, so that many callers do not come back at once.
        pause: called with what went wrong and how long to wait, and waits.

    Raises:
        TooLongWait: Retry-After says more than ``LONGEST_WAIT`` seconds, which are not waited for.
    """
    patience = Retry(total=retries, backoff_factor=1, backoff_jitter=jitter)
    while True:
        try:
            return attempt()
        except RETRIED as error:
            try:
                patience = patience.increment()
            except MaxRetryError:
                raise error from None
            wait = _wait(patience, error.response)
            if wait > LONGEST_WAIT:
                raise _too_long(error) from error
            pause(error, wait)


def _too_long(error: requests.RequestException) -> TooLongWait:
    pause = retry_after(error.response)
    problem = str(error).rstrip(".")
    message = (
        f"{problem}. It asks for a pause ({pause}) longer than the {LONGEST_WAIT:g} s that are waited for."
    )
    return TooLongWait(message, response=error.response)


def _wait(patience: Retry, response: requests.Response | None) -> float:
    """Seconds until the next attempt: those of the server's Retry-After, else those of the back-off."""
    header = None if response is None else response.headers.get("Retry-After")
    if header is not None:
        # A number of any length: as an int, one of thousands of digits is an error of its own.
        if re.fullmatch(r"\s*[0-9]+\s*", header):
            return float(header)
        # A header that is neither a number nor a date, or a date that no calendar has, says nothing.
        with suppress(InvalidHeader, ValueError, OverflowError):
            return float(patience.parse_retry_after(header))
    return float(patience.get_backoff_time())


def _name(url: str) -> str:
    """The file name at the end of a URL, safe to use inside a folder."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"{masked(url)!r} cannot be fetched: expected an http or https URL. "
            "Copy a local file into the folder by hand."
        )
    # Unquoted, a name may hold a slash (%2F) and so lead out of the folder.
    name = unquote(parts.path.rpartition("/")[2])
    has_separator = "/" in name or "\\" in name
    if name in ("", ".", "..") or has_separator or not name.isprintable():
        raise ValueError(
            f"{masked(url)!r} does not end in a file name: {name!r}. Give the URL of the file itself."
        )
    return name


def _expected(url: str, sha256: str | None) -> str | None:
    """The checksum in lower case, None for "unverified"."""
    if sha256 == UNVERIFIED:
        LOG.warning("%s is taken unverified: pass its SHA-256 to be sure of what it holds.", masked(url))
        return None
    if sha256 is None or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(
            f"{masked(url)}: sha256 is {sha256!r}. Pass the file's SHA-256 "
            "(64 hexadecimal digits, as `sha256sum FILE` prints them), "
            f"or the word {UNVERIFIED!r} to take whatever the server sends."
        )
    return sha256.lower()


def _checked(path: Path, expected: str | None, advice: str) -> Path:
    """The file, once its SHA-256 is the expected one; without one, a warning names what it is."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is None:
        LOG.warning("%s was not checked; its SHA-256 is %s.", path.name, digest)
    elif digest != expected:
        size = path.stat().st_size
        raise ValueError(f"{path}: its SHA-256 is {digest} ({size} bytes), expected {expected}. {advice}")
    return path


def _complete(url: str, partial: Path, expected: str | None, timeout: float | int, retries: int) -> None:
    """Download what ``partial`` lacks of the file, in as many attempts as it takes."""
    # "identity" asks for the file as it is: the bytes of a compressed answer could not be resumed.
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    with bounded_session(headers) as session:
        try:
            persistent(lambda: _attempt(session, url, partial, expected, timeout), retries)
        except requests.RequestException as error:
            size = size_of(partial)
            raise ConnectionError(
                f"{masked(url)}: {size} bytes are here, the rest did not come after {retries} retries "
                f"({masked(str(error))}). Run this again: it goes on from {partial}."
            ) from error


def _attempt(
    session: requests.Session, url: str, partial: Path, expected: str | None, timeout: float | int
) -> None:
    """One request for the rest of the file; a timeout counts as a broken connection, which is retried."""
    headers = _resuming(partial, expected)
    bounds = Bounds(timeout, None, None)
    try:
        with within(bounds), _named(session, url):
            response = session.get(url, headers=headers, stream=True, timeout=timeout)
        with response:
            _receive(response, partial)
    except (requests.Timeout, requests.ConnectionError) as error:
        if bounds.passed is not None:
            raise requests.ConnectionError(f"{masked(url)}: {bounds.passed}.") from error
        if isinstance(error, requests.Timeout):
            raise requests.ConnectionError(f"No byte within {timeout:g} s.") from error
        raise


@contextmanager
def _named(session: requests.Session, url: str) -> Iterator[None]:
    """Errors that no further request would escape, with the URL and what to do.

    Raises:
        ValueError: the environment lets no request succeed, or the server sends on to what is no URL.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        check_environment(session, url)
        if isinstance(error, ValueError | requests.TooManyRedirects):
            raise ValueError(
                f"{masked(url)}: the server sends on to an address that leads nowhere "
                f"({masked(str(error))}). Check the URL; or download the file by hand."
            ) from error
        raise


def _resuming(partial: Path, expected: str | None) -> dict[str, str]:
    """Headers that ask for the rest.

    Without a checksum only if the server can tell that the file is still the same: otherwise the rest of a
    changed file would be put behind the beginning of the old one unnoticed.
    """
    size = size_of(partial)
    if not size:
        return {}
    tag = _tag(partial)
    if tag.exists():
        return {"Range": f"bytes={size}-", "If-Range": tag.read_text(encoding="latin-1")}
    if expected:
        return {"Range": f"bytes={size}-"}
    return {}


def _receive(response: requests.Response, partial: Path) -> None:
    """Store what the answer holds: the rest of the file, or the whole of it.

    Raises:
        requests.HTTPError, requests.ConnectionError: to be tried again.
        ValueError: the server refuses.
    """
    status = response.status_code
    size = size_of(partial)
    first_byte, total = _range_of(response)
    if may_pass(status):
        raise requests.HTTPError(f"{masked(response.url)}: status {status}.", response=response)

    is_beyond_end = status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    if is_beyond_end and first_byte is None and total == size:
        return  # nothing is missing: the run before ended between the last byte and the check

    is_rest = status == HTTPStatus.PARTIAL_CONTENT
    if is_beyond_end or (is_rest and first_byte != size):
        _forget(partial)
        raise requests.ConnectionError(
            f"{masked(response.url)}: the server has no rest of this file from byte {size} on, so it starts "
            "over."
        )
    if status != HTTPStatus.OK and not is_rest:
        raise ValueError(
            f"{masked(response.url)}: the server answers {status} {response.reason}. Check the URL; "
            f"or put the file beside {partial} under its own name by hand."
        )
    _store(response, partial, resumed=is_rest, total=total)


def _range_of(response: requests.Response) -> tuple[int | None, int | None]:
    """The first byte that is sent and the bytes of the whole file, each None if the headers do not say."""
    content_range = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if content_range:
        first, total = content_range.groups()
        return _int_or_none(first), _int_or_none(total)
    length = response.headers.get("Content-Length", "")
    return None, int(length) if _LENGTH.fullmatch(length) else None


def _int_or_none(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _store(response: requests.Response, partial: Path, resumed: bool, total: int | None) -> None:
    """Write the answer's bytes behind those of ``partial``, or in their place unless it is resumed."""
    try:
        if not resumed:
            _begin(partial, response.headers.get("ETag", ""), response.headers.get("Last-Modified"))
        name = partial.name.removeprefix("partial.")
        with open(partial, "ab") as file, progress(f"fetching {name}", total, "bytes") as advance:
            advance(file.tell())
            for chunk in _chunks(response):
                file.write(chunk)
                advance(len(chunk))
    except requests.RequestException:
        # Also an OSError, but the network's and not the disk's.
        raise
    except OSError as error:
        advice = "What came is kept: make room, or pass another folder, and run this again"
        raise OSError(error.errno, f"{error.strerror}. {advice}", str(partial)) from error

    size = size_of(partial)
    if total is not None and size > total:
        _forget(partial)  # nobody knows which of its bytes are the file's
        raise requests.ConnectionError(
            f"{masked(response.url)}: {size} bytes came, though the server says the file has {total}, so "
            "it starts over."
        )
    if total is not None and size < total:
        raise requests.ConnectionError(
            f"{masked(response.url)}: the connection ended after {size} of {total} bytes."
        )


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The bytes as they are on the server: a .gz that is sent with Content-Encoding stays a .gz."""
    try:
        yield from response.raw.stream(CHUNK_BYTES, decode_content=False)
    except BrokenStream as error:
        raise requests.ConnectionError(
            f"{masked(response.url)}: the connection broke ({masked(str(error))})."
        ) from error


def _begin(partial: Path, etag: str, modified: str | None) -> None:
    """Drop what there is and remember which state of the file is to come."""
    _forget(partial)
    # If-Range takes a strong tag or a date; a weak tag promises no equal bytes.
    has_strong_tag = etag.startswith('"')
    validator = etag if has_strong_tag else modified
    if validator:
        _tag(partial).write_text(validator, encoding="latin-1")


def _forget(partial: Path) -> None:
    """Delete what came so far, and with it the state of the file that it was a part of."""
    partial.unlink(missing_ok=True)
    _tag(partial).unlink(missing_ok=True)


def _tag(partial: Path) -> Path:
    """The file that holds the ETag or date of what ``partial`` is a part of."""
    return partial.with_name(f"{partial.name}.etag")
