"""Download a file once: resumed after a break, checked against its SHA-256, then moved into place."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
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

LOG = logging.getLogger(__name__)
UNVERIFIED = "unverified"
USER_AGENT = f"relsym/{__version__}"
BUSY = frozenset({429, 500, 502, 503, 504})
RETRIED = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.HTTPError)
LONGEST_WAIT = 600.0
CHUNK_BYTES = 2**16
Returned = TypeVar("Returned")


def fetch(url: str, folder: Path, sha256: str | None, timeout: float | int = 60.0, retries: int = 5) -> Path:
    """Download ``url`` into ``folder`` under its own name, or keep the file that is there; a broken download
    goes on where it stopped.

    Args:
        url: http or https.  folder: made if it is not there.
        sha256: 64 hexadecimal digits, or "unverified", which takes whatever comes and logs a warning.
        timeout: seconds without a byte.  retries: further attempts after a break or a busy server, within
        this call.

    Raises:
        ValueError: a URL without a file name, no checksum, a wrong checksum, a refusal by the server (4xx).
        ConnectionError: the server was not reached, or the connection broke ``retries`` + 1 times; what came
        is kept for the next call. OSError: the disk is full or not writable; what came is kept for the next
        call.
    """
    name, expected = _name(url), _expected(url, sha256)
    target, partial = folder / name, folder / f"partial.{name}"
    if target.exists():
        return _checked(
            target,
            expected,
            f"Move {target} away to have {url} downloaded again, or pass the checksum of the file you want.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    _complete(url, partial, expected, timeout, retries)
    try:
        _checked(
            partial,
            expected,
            f"{url} is not the file it was, or the checksum belongs to another one. What came was deleted: "
            "compare "
            "the checksum with its publisher's, then run this again.",
        )
    except ValueError:
        _forget(partial)
        raise
    os.replace(partial, target)
    _forget(partial)
    return target


def _pause(error: requests.RequestException, wait: float) -> None:
    LOG.warning("%s Trying again in %g s.", error, wait)
    time.sleep(wait)


def persistent(
    attempt: Callable[[], Returned],
    retries: int,
    jitter: float = 0.0,
    pause: Callable[[requests.RequestException, float], None] = _pause,
) -> Returned:
    """Call ``attempt`` again, at most ``retries`` times, while it raises one of ``RETRIED``; then raise that.

    Waits as long as Retry-After says (no more than ``LONGEST_WAIT`` seconds: a longer one is not waited for),
    else 0, 2, 4, 8 ... s.

    Args:
        jitter: seconds, drawn anew each time and added to a wait that the server did not ask for, so that
        many do not come back at once. pause: is told what went wrong and how long to wait.
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
            if (wait := _wait(patience, error.response)) > LONGEST_WAIT:
                raise
            pause(error, wait)


def _wait(patience: Retry, response: requests.Response | None) -> float:
    try:
        told = None if response is None else patience.get_retry_after(response.raw)
    except InvalidHeader:
        told = None
    return float(patience.get_backoff_time() if told is None else told)


def _name(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"{url!r} cannot be fetched: expected an http or https URL. Copy a local file into the folder by "
            "hand."
        )
    name = unquote(parts.path.rpartition("/")[2])
    if name in ("", ".", "..") or not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(f"{url!r} does not end in a file name: {name!r}. Give the URL of the file itself.")
    return name


def _expected(url: str, sha256: str | None) -> str | None:
    if sha256 == UNVERIFIED:
        LOG.warning("%s is taken unverified: pass its SHA-256 to be sure of what it holds.", url)
        return None
    if sha256 is None or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(
            f"{url}: sha256 is {sha256!r}. Pass the file's SHA-256 (64 hexadecimal digits, as `sha256sum "
            "FILE` prints them), "
            f"or the word {UNVERIFIED!r} to take whatever the server sends."
        )
    return sha256.lower()


def _checked(path: Path, expected: str | None, advice: str) -> Path:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is None:
        LOG.warning("%s was not checked; its SHA-256 is %s.", path.name, digest)
    elif digest != expected:
        raise ValueError(
            f"{path}: its SHA-256 is {digest} ({path.stat().st_size} bytes), expected {expected}. {advice}"
        )
    return path


def _complete(url: str, partial: Path, expected: str | None, timeout: float | int, retries: int) -> None:
    with requests.Session() as session:
        session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        try:
            persistent(lambda: _attempt(session, url, partial, expected, timeout), retries)
        except requests.RequestException as error:
            raise ConnectionError(
                f"{url}: {_size(partial)} bytes are here, the rest did not come after {retries} retries "
                f"({error}). "
                f"Run this again: it goes on from {partial}."
            ) from error


def _attempt(
    session: requests.Session, url: str, partial: Path, expected: str | None, timeout: float | int
) -> None:
    headers = _resuming(partial, expected)
    try:
        with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _receive(response, partial)
    except requests.Timeout as error:
        raise requests.ConnectionError(f"No byte within {timeout:g} s.") from error


def _resuming(partial: Path, expected: str | None) -> dict[str, str]:
    """Headers that ask for the rest; without a checksum only if the server can tell that the file is still
    the same.
    """
    if (size := _size(partial)) and _tag(partial).exists():
        return {"Range": f"bytes={size}-", "If-Range": _tag(partial).read_text(encoding="latin-1")}
    return {"Range": f"bytes={size}-"} if size and expected else {}


def _receive(response: requests.Response, partial: Path) -> None:
    size, told = _size(partial), _told(response)
    if response.status_code in BUSY:
        raise requests.HTTPError(f"{response.url}: status {response.status_code}.", response=response)
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and told == (None, size):
        return  # nothing is missing: the run before ended between the last byte and the check
    beyond_end = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    if beyond_end or (response.status_code == HTTPStatus.PARTIAL_CONTENT and told[0] != size):
        _forget(partial)
        raise requests.ConnectionError(
            f"{response.url}: the server has no rest of this file from byte {size} on, so it starts over."
        )
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise ValueError(
            f"{response.url}: the server answers {response.status_code} {response.reason}. Check the URL; "
            f"or put the file beside {partial} under its own name by hand."
        )
    _store(response, partial, resumed=response.status_code == HTTPStatus.PARTIAL_CONTENT, total=told[1])


def _told(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and bytes in all, as far as the headers say."""
    if found := re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", "")
    ):
        first, total = (None if number is None else int(number) for number in found.groups())
        return first, total
    length = response.headers.get("Content-Length", "")
    return None, int(length) if length.isdecimal() else None


def _store(response: requests.Response, partial: Path, resumed: bool, total: int | None) -> None:
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
        raise
    except OSError as error:
        raise OSError(
            error.errno,
            f"{error.strerror}. What came is kept: make room, or pass another folder, and run this again",
            str(partial),
        ) from error
    if total is not None and _size(partial) < total:
        raise requests.ConnectionError(
            f"{response.url}: the connection ended after {_size(partial)} of {total} bytes."
        )


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The bytes as they are on the server: a .gz that is sent with Content-Encoding stays a .gz."""
    try:
        yield from response.raw.stream(CHUNK_BYTES, decode_content=False)
    except BrokenStream as error:
        raise requests.ConnectionError(f"{response.url}: the connection broke ({error}).") from error


def _begin(partial: Path, etag: str, modified: str | None) -> None:
    """Drop what there is and remember which state of the file is to come."""
    # If-Range takes a strong tag or a date; a weak tag promises no equal bytes.
    _forget(partial)
    if validator := etag if etag.startswith('"') else modified:
        _tag(partial).write_text(validator, encoding="latin-1")


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _tag(partial).unlink(missing_ok=True)


def _tag(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.etag")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
