"""Downloads over the loopback interface, from a server that breaks off, forgets ranges and
changes its files.
"""

from __future__ import annotations

import hashlib
import logging
import re
import resource
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import faults
from loopback import Loopback, QuietHandler
from relsym.data.sources.bounded import Unworkable, bounded_session, exchange
from relsym.data.sources.fetch import CHUNK_BYTES, UNVERIFIED, fetch

pytestmark = pytest.mark.usefixtures("sleeps")
FILE = bytes(range(256)) * 2048
HALF = 200_000


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class FileServer(Loopback):
    """Serves ``body`` under every path; ``cut``: bytes after which the next connections break; ``troubles``:
    statuses of the next answers.
    """

    def __init__(self) -> None:
        self.body, self.cuts, self.troubles, self.asked, self.sent = FILE, [], [], [], []
        self.ranges, self.etag, self.modified, self.lengths, self.headers = True, '"one"', None, True, {}
        self.silent, self.mute = False, False
        served = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                served.asked.append(dict(self.headers))
                if served.mute:
                    served.released.wait()
                if served.troubles:
                    status, headers = served.troubles.pop(0)
                    self.begin(status, {"Content-Length": "0", **headers})
                    self.close_connection = True
                    return
                self.answer(*served.part(self.headers))

            def answer(self, status: int, part: bytes, headers: dict[str, str]) -> None:
                named = {"ETag": served.etag, "Last-Modified": served.modified, **served.headers, **headers}
                length = {"Content-Length": str(len(part))} if served.lengths else {"Connection": "close"}
                self.begin(status, {**{name: value for name, value in named.items() if value}, **length})
                cut = served.cuts.pop(0) if served.cuts else None
                served.sent.append(len(part[:cut]))  # before the client has it all and looks
                self.wfile.write(part[:cut])
                if cut is not None:
                    self.wfile.flush()
                    if served.silent:
                        served.released.wait()
                    self.close_connection = True

            def begin(self, status: int, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

        super().__init__(Handler)
        self.url = f"{self.root}/raw/triples.tar.gz?dl=1"

    def part(self, headers) -> tuple[int, bytes, dict[str, str]]:
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
        same = headers.get("If-Range") in (None, self.etag, self.modified)
        if not (wanted and self.ranges and same):
            return 200, self.body, {}
        if (first := int(wanted[1])) >= len(self.body):
            return 416, b"", {"Content-Range": f"bytes */{len(self.body)}"}
        return (
            206,
            self.body[first:],
            {"Content-Range": f"bytes {first}-{len(self.body) - 1}/{len(self.body)}"},
        )


@pytest.fixture
def served() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def get(served: FileServer, tmp_path: Path) -> Callable[..., Path]:
    def call(sha256: str | None = digest(FILE), retries: int = 0, **changes) -> Path:
        return fetch(served.url, tmp_path / "raw", sha256, retries=retries, **changes)

    return call


def ranges(served: FileServer) -> list[str | None]:
    return [headers.get("Range") for headers in served.asked]


def broken(
    served: FileServer, get: Callable[..., Path], sha256: str = digest(FILE), after: int = HALF
) -> None:
    """A first call that breaks in the middle."""
    served.cuts = [after]
    with pytest.raises(
        ConnectionError, match=rf"triples\.tar\.gz.*: {after} bytes are here.*Run this again: it goes on"
    ):
        get(sha256)


def names(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "raw").iterdir()}


# --- whole


def test_a_file_comes_whole_under_the_name_of_the_url_and_leaves_nothing_beside_it(served, get, tmp_path):
    path = get()
    assert path == tmp_path / "raw" / "triples.tar.gz"
    assert path.read_bytes() == FILE
    assert names(tmp_path) == {"triples.tar.gz"}


def test_a_file_that_is_there_is_not_asked_for_again(served, get):
    get()
    get(digest(FILE).upper())
    assert len(served.asked) == 1


def test_two_that_want_the_same_file_at_once_download_it_once(served, get, tmp_path):
    with ThreadPoolExecutor(4) as threads:  # each opens the lock for itself, as a process does
        paths = [threads.submit(get) for _ in range(4)]
    assert {path.result().read_bytes() for path in paths} == {FILE}
    assert len(served.asked) == 1
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["triples.tar.gz"]


def test_an_empty_file_is_a_file(served, get):
    served.body = b""
    assert get(digest(b"")).read_bytes() == b""


def test_a_file_that_is_sent_compressed_stays_as_it_is_on_the_server(served, get):
    served.headers = {"Content-Encoding": "gzip"}
    assert get().read_bytes() == FILE
    assert served.asked[0]["Accept-Encoding"] == "identity"


# --- resumed


@pytest.mark.parametrize("after", [1, HALF, len(FILE) - 1])
def test_the_second_call_asks_for_the_rest_only(after, served, get, tmp_path):
    broken(served, get, after=after)
    assert (tmp_path / "raw" / "partial.triples.tar.gz").read_bytes() == FILE[:after]
    assert get().read_bytes() == FILE
    assert ranges(served) == [None, f"bytes={after}-"]
    assert served.sent == [after, len(FILE) - after]
    assert names(tmp_path) == {"triples.tar.gz"}


def test_one_call_goes_on_by_itself_as_often_as_it_may(served, get, sleeps):
    served.cuts = [1000, 2000, 3000]
    assert get(retries=3).read_bytes() == FILE
    assert ranges(served) == [None, "bytes=1000-", "bytes=3000-", "bytes=6000-"]
    assert sleeps == [0, 2, 4]


def test_a_connection_that_breaks_before_the_first_byte_is_begun_anew(served, get):
    broken(served, get, after=0)
    assert get().read_bytes() == FILE
    assert ranges(served) == [None, None]


def test_a_server_without_ranges_is_asked_for_everything_and_starts_over(served, get):
    broken(served, get)
    served.ranges = False
    assert get().read_bytes() == FILE
    assert served.sent == [HALF, len(FILE)]


def test_a_file_with_another_tag_starts_over_instead_of_being_glued(served, get):
    broken(served, get)
    served.body, served.etag = FILE[::-1], '"two"'
    assert get(digest(FILE[::-1])).read_bytes() == FILE[::-1]
    assert served.asked[1]["If-Range"] == '"one"'


def test_a_date_serves_where_the_tag_is_weak_or_missing(served, get):
    served.etag, served.modified = 'W/"one"', "Mon, 01 Jan 2024 00:00:00 GMT"
    broken(served, get)
    served.modified, served.body = "Tue, 02 Jan 2024 00:00:00 GMT", FILE[::-1]
    assert get(digest(FILE[::-1])).read_bytes() == FILE[::-1]
    assert served.asked[1]["If-Range"] == "Mon, 01 Jan 2024 00:00:00 GMT"


def test_two_parts_of_different_files_are_told_by_the_checksum_and_deleted(served, get, tmp_path):
    served.etag = None
    broken(served, get)
    served.body = FILE[::-1]
    glued = digest(FILE[:HALF] + FILE[::-1][HALF:])
    with pytest.raises(
        ValueError, match=rf"SHA-256 is {glued}.*expected {digest(FILE[::-1])}.*deleted.*run this again"
    ):
        get(digest(FILE[::-1]))
    assert names(tmp_path) == set()
    assert get(digest(FILE[::-1])).read_bytes() == FILE[::-1]


def test_without_checksum_and_tag_nothing_is_resumed(served, get):
    served.etag = None
    broken(served, get, UNVERIFIED)
    assert get(UNVERIFIED).read_bytes() == FILE
    assert ranges(served) == [None, None]


def test_without_checksum_but_with_a_tag_the_rest_is_asked_for(served, get):
    broken(served, get, UNVERIFIED)
    assert get(UNVERIFIED).read_bytes() == FILE
    assert ranges(served) == [None, f"bytes={HALF}-"]


def test_a_part_that_is_the_whole_file_is_checked_and_moved(served, get, tmp_path):
    broken(served, get)
    (tmp_path / "raw" / "partial.triples.tar.gz").write_bytes(FILE)
    assert get().read_bytes() == FILE
    assert served.sent == [HALF, 0]


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_part_that_is_longer_than_the_file_starts_over(etag, served, get, tmp_path):
    served.etag = etag
    broken(served, get)
    (tmp_path / "raw" / "partial.triples.tar.gz").write_bytes(FILE + b"more")
    assert get(retries=1).read_bytes() == FILE
    assert ranges(served)[1:] == [f"bytes={len(FILE) + 4}-", None]


def test_a_rest_that_begins_elsewhere_starts_over(served, get):
    broken(served, get)
    served.troubles = [(206, {"Content-Range": f"bytes 0-9/{len(FILE)}"})]
    assert get(retries=1).read_bytes() == FILE
    assert ranges(served)[1:] == [f"bytes={HALF}-", None]


def test_a_server_that_does_not_say_how_long_the_file_is_is_held_to_the_checksum(served, get, tmp_path):
    served.lengths = False
    assert get().read_bytes() == FILE
    (tmp_path / "raw" / "triples.tar.gz").unlink()
    served.cuts = [HALF]
    with pytest.raises(ValueError, match="deleted"):
        get()


def test_a_full_disk_leaves_what_came_and_the_next_call_asks_for_the_rest(served, get, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        with pytest.raises(
            OSError, match=r"What came is kept: make room.*partial\.triples\.tar\.gz"
        ) as caught:
            get(retries=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not isinstance(caught.value, ConnectionError)
    assert (tmp_path / "raw" / "partial.triples.tar.gz").read_bytes() == FILE[:HALF]
    assert get().read_bytes() == FILE
    assert ranges(served) == [None, f"bytes={HALF}-"]


def test_a_rest_that_ends_early_is_kept_even_if_only_its_range_says_so(served, get, tmp_path):
    broken(served, get)
    served.lengths, served.cuts = False, [1000]
    with pytest.raises(ConnectionError, match=rf"ended after {HALF + 1000} of {len(FILE)} bytes"):
        get()
    assert get().read_bytes() == FILE
    assert ranges(served)[2] == f"bytes={HALF + 1000}-"


# --- refused


def test_a_wrong_checksum_names_both_and_keeps_nothing(served, get, tmp_path):
    with pytest.raises(
        ValueError, match=rf"{digest(FILE)} \({len(FILE)} bytes\), expected {'0' * 64}.*publisher"
    ):
        get("0" * 64)
    assert names(tmp_path) == set()


def test_a_file_that_is_there_with_another_checksum_is_neither_taken_nor_overwritten(served, get, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "triples.tar.gz").write_bytes(b"mine")
    with pytest.raises(
        ValueError, match=rf"{digest(b'mine')}.*expected {digest(FILE)}.*Move .*triples\.tar\.gz away"
    ):
        get()
    assert (tmp_path / "raw" / "triples.tar.gz").read_bytes() == b"mine"
    assert served.asked == []


@pytest.mark.parametrize("sha256", [None, "", "abc", "g" * 64, digest(FILE) + "\n"])
def test_no_checksum_is_refused_with_the_advice_before_anything_is_asked(sha256, served, get):
    with pytest.raises(ValueError, match=r"sha256sum.*'unverified'"):
        get(sha256)
    assert served.asked == []


def test_a_file_taken_unverified_is_a_warning_that_tells_its_checksum_every_time(served, get, caplog):
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert get(UNVERIFIED).read_bytes() == FILE
        assert [record.message for record in caplog.records if digest(FILE) in record.message]
    assert len(served.asked) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/file", "expected an http or https URL"),
        ("file:///etc/passwd", "expected an http or https URL"),
        ("/tmp/file", "expected an http"),
        ("http:///file", "expected an http"),
        ("https://example.org/", "does not end in a file name"),
        ("https://example.org", "does not end in a file name"),
        ("https://example.org/..", "file name"),
        ("https://example.org/a%2F..%2Fb", "file name"),
        ("https://example.org/%2e%2e", "file name"),
        ("https://example.org/a%00b", "file name"),
        ("https://example.org/folder/?file=x", "file name"),
    ],
)
def test_a_url_that_names_no_file_is_refused(url, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fetch(url, tmp_path, UNVERIFIED)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_an_error_at_once_that_says_what_to_do(status, served, get):
    served.troubles = [(status, {})] * 9
    with pytest.raises(ValueError, match=rf"answers {status}.*Check the URL.*by hand"):
        get(retries=5)
    assert len(served.asked) == 1


def test_a_busy_server_is_waited_for_as_long_as_it_says(served, get, sleeps):
    served.troubles = [(503, {"Retry-After": "9"}), (429, {}), (500, {})]
    assert get(retries=3).read_bytes() == FILE
    assert sleeps == [9, 2, 4]


def test_a_server_that_stays_busy_is_an_error_after_the_retries(served, get):
    served.troubles = [(503, {})] * 9
    with pytest.raises(ConnectionError, match=r"0 bytes are here.*after 2 retries.*503"):
        get(retries=2)
    assert len(served.asked) == 3


def test_a_server_that_falls_silent_is_an_error_that_keeps_what_came(served, get):
    served.cuts, served.silent = [HALF], True
    kept = HALF - HALF % CHUNK_BYTES  # the rest of a chunk that never became full is lost
    with pytest.raises(ConnectionError, match=rf"{kept} bytes are here.*timed out"):
        get(timeout=0.2)
    served.silent = False
    assert get().read_bytes() == FILE
    assert ranges(served) == [None, f"bytes={kept}-"]


def test_a_server_that_never_answers_is_an_error_that_says_how_long_it_was_waited_for(served, get):
    served.mute = True
    with pytest.raises(ConnectionError, match=r"0 bytes are here.*No byte within 0\.2 s"):
        get(timeout=0.2)


def test_a_server_that_is_not_there_is_an_error(served, get):
    served.close()
    with pytest.raises(ConnectionError, match="after 1 retries"):
        get(retries=1)


# --- misbehaving servers


@pytest.fixture
def strike(served: FileServer) -> Callable[..., None]:
    """Make the next answer the fault's."""

    def after(fault: faults.Fault) -> None:
        handler = served.server.RequestHandlerClass
        answer = handler.do_GET

        def do_GET(self) -> None:
            handler.do_GET = answer
            fault(self, FILE)

        handler.do_GET = do_GET

    return after


@pytest.mark.parametrize("name", faults.SLOW)
def test_a_download_that_comes_byte_by_byte_is_given_up_and_goes_on(name, served, get, strike):
    strike(faults.SLOW[name])
    with pytest.raises(ConnectionError, match=r"timed out, less than 1024 bytes a second came over 0\.15 s"):
        get(timeout=0.15)
    strike(faults.SLOW[name])
    (served.etag, served.ranges) = (None, False)
    assert get(timeout=0.15, retries=5).read_bytes() == FILE


def test_a_download_may_take_many_times_its_timeout_as_long_as_bytes_come(served, get, strike):
    def steady(handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), 2**15):
            handler.wfile.write(body[start : start + 2**15])
            handler.wfile.flush()
            served.released.wait(0.03)

    strike(steady)
    assert get(timeout=0.15).read_bytes() == FILE


def test_where_a_file_has_moved_what_is_said_of_it_is_not_unpacked(served, get, strike):
    def moved(handler, body: bytes) -> None:
        bomb = faults.bomb_body()
        faults.send(handler, bomb, 302, Content_Encoding="gzip", Location="/other/triples.tar.gz")

    faults.bomb_body()
    strike(moved)
    tracemalloc.start()
    try:
        assert get().read_bytes() == FILE
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < faults.BOMB_BYTES / 8


@pytest.mark.parametrize("value", faults.ENDLESS)
def test_a_pause_of_years_is_an_error_that_names_it(value, served, get, sleeps):
    served.troubles = [(503, {"Retry-After": value})]
    with pytest.raises(ConnectionError, match=rf"503.*Retry-After: {value[:40]}"):
        get(retries=3)
    assert sleeps == []
    assert get().read_bytes() == FILE


@pytest.mark.parametrize(
    "location", ["http://[bad", "http://", "ftp://a/b.gz", "http://a:b/c.gz", "#", "http://.a/"]
)
def test_a_file_that_moved_to_no_address_is_an_error_with_its_url(location, served, get, sleeps):
    served.troubles = [(302, {"Location": location})] * 40
    with pytest.raises(ValueError, match=r"/raw/triples\.tar\.gz.*leads nowhere"):
        get(retries=3)
    assert sleeps == []


@pytest.mark.parametrize("value", ["gopher://host:1", "http://", "http://[bad", "socks5://host:1"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
def test_a_proxy_that_can_never_work_is_refused_at_once(name, value, served, get, sleeps, monkeypatch):
    for other in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    message = rf"{name.upper()} .*is '{re.escape(value)}'.*expected http://HOST:PORT"
    with pytest.raises(ValueError, match=message):
        get(retries=3)
    with bounded_session({}) as session, pytest.raises(Unworkable, match=message):
        exchange(session, "GET", served.url, 1, 100)
    assert (sleeps, served.asked) == ([], [])


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_certificates_that_cannot_be_read_are_refused_at_once(text, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with (
        bounded_session({}) as session,
        pytest.raises(Unworkable, match=r"REQUESTS_CA_BUNDLE is '.*bundle\.pem'.*Mend or unset it"),
    ):
        exchange(session, "GET", "https://127.0.0.1:9/", 1, 100)


def test_more_bytes_than_the_server_says_the_file_has_are_no_file(served, get, tmp_path):
    broken(served, get)
    total = len(FILE) - 5
    with pytest.MonkeyPatch.context() as patch:
        ranged = {"Content-Range": f"bytes {HALF}-{total - 1}/{total}"}
        patch.setattr(served, "part", lambda headers: (206, served.body[HALF:], ranged))
        with pytest.raises(ConnectionError, match=rf"{len(FILE)} bytes came.*has {total}, so it starts over"):
            get("unverified")
    assert names(tmp_path) == set()
    assert get().read_bytes() == FILE


def test_sizes_of_thousands_of_digits_say_nothing(served, get, strike):
    strike(faults.sends(206, b"abc", Content_Range=f"bytes 0-2/{'9' * 5000}"))
    assert get(retries=1).read_bytes() == FILE
