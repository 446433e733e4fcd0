"""Text files in blocks of whole lines: plain, .gz, .bz2 and .tar.gz alike.

A progress bar counts the bytes on disk.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import logging
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from io import SEEK_END, BufferedIOBase
from pathlib import Path

from relsym.data.progress import progress
from relsym.text_encoding import (
    UNPACKERS,
    UNSAID,
    UTF8,
    TextEncoding,
    checked_head,
    encoding_advice,
    encoding_in_use,
    other_fault,
    told_encoding,
)

LOG = logging.getLogger(__name__)
BLOCK = 16 * 2**20  # bytes
LONGEST_LINE = 2**26  # bytes; the longest of Wikidata's dumps have a tenth of it
# What gzip, bz2 and tarfile raise on bytes that are damaged or cut short.
_DAMAGE = (EOFError, zlib.error, tarfile.TarError, gzip.BadGzipFile)


def line_blocks(
    path: Path, size: int = BLOCK, member: str = "*", encoding: TextEncoding = UNSAID, doing: str = "reading"
) -> Iterator[bytes]:
    """Blocks of about ``size`` bytes that end with a line; a last line without its newline gets one.

    They are in UTF-8 without a byte order mark, whatever the file is in.

    Args:
        path: plain text, or compressed if the name says so.
        size: bytes of a block, after decompression.
        member: which files of a tar archive (a glob over their bare names); several are read one after
            another.
        encoding: of the text.
        doing: what is done to the file, before its name on the progress bar; empty: without a bar.

    Raises:
        ValueError: a compressed file that is damaged or ends early, packed bytes under a name that does not
            say so, a line above ``LONGEST_LINE``, UTF-16 without a byte order mark, a text that is not in the
            encoding that the user or its byte order mark says.
        FileNotFoundError: an archive without such a member.
    """
    with ExitStack() as stack:
        raw = stack.enter_context(open(path, "rb"))
        advance = _unseen
        if doing:
            advance = stack.enter_context(progress(f"{doing} {path.name}", path.stat().st_size, "bytes"))
        done = 0
        for stream in _streams(raw, path, member, stack):
            # The beginning of a line whose end has not been read, in parts: joined one by one they would be
            # copied again and again.
            rest: list[bytes] = []
            rest_bytes = 0
            read = 0
            for block in _utf8_parts(stream, size, path, encoding):
                read += len(block)
                # The place in the file on disk: how long it will be once decompressed, nobody knows.
                advance(raw.tell() - done)
                done = raw.tell()
                end = block.rfind(b"\n") + 1
                if end:
                    # Joined from a view: a slice would copy the megabytes of the block once more.
                    yield b"".join((*rest, memoryview(block)[:end]))
                    rest = [block[end:]]
                    rest_bytes = len(block) - end
                else:
                    rest.append(block)
                    rest_bytes += len(block)
                if rest_bytes > LONGEST_LINE:
                    raise ValueError(_endless(path, read - rest_bytes))
            if rest_bytes:
                yield b"".join((*rest, b"\n"))


def _unseen(count: int | float) -> None:
    """Advance no bar."""


def _utf8_parts(stream: BufferedIOBase, size: int, path: Path, encoding: TextEncoding) -> Iterator[bytes]:
    """The text of a stream in UTF-8, without a byte order mark, in parts that may end anywhere."""
    head = _read(stream, size, path)
    name, mark = checked_head(head, str(path), encoding)
    if name == UTF8:
        block = head[mark:]
        while block:
            yield block
            block = _read(stream, size, path)
        return

    LOG.info("%s: read as %s%s", path.name, name, ", by its byte order mark" if mark else "")
    decoder = codecs.getincrementaldecoder(name)()
    lines = 0
    block = head[mark:]
    while block:
        text = _decoded_part(decoder, block, path, name, lines, encoding)
        lines += text.count("\n")
        if text:
            yield text.encode()
        block = _read(stream, size, path)
    _decoded_part(decoder, b"", path, name, lines, encoding)  # refuses the half of a character at the end


def _decoded_part(
    decoder: codecs.IncrementalDecoder,
    block: bytes,
    path: Path,
    name: str,
    lines: int,
    encoding: TextEncoding,
) -> str:
    """What a decoder gives of one block, the last one being empty; ``lines`` are those before it."""
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(name, errors="ignore")
        line = lines + before.count("\n") + 1
        advice = encoding_advice(error.object, error.start, path.name, encoding_in_use(name, encoding))
        raise ValueError(f"line {line} of {path}: not {name.upper()} ({error.reason}). {advice}") from error
    except UnicodeError as error:
        raise ValueError(other_fault(str(path), name, error, encoding)) from error


def ends_midline(path: Path, encoding: TextEncoding = UNSAID) -> bool:
    """Whether a plain text ends without the end of its last line, as one that was cut short does.

    False for a packed file: one that is cut short cannot be unpacked.
    """
    if path.suffix.lower() in UNPACKERS:
        return False
    with open(path, "rb") as file:
        name, _ = told_encoding(file.read(4), encoding)
        line_end = "\n".encode(name)
        size = file.seek(0, SEEK_END)
        if not size:
            return False
        file.seek(max(0, size - len(line_end)))
        return file.read() != line_end


def decoded(block: bytes, path: Path, first: int, encoding: TextEncoding = UNSAID) -> str:
    """A block as text.

    Args:
        block: bytes of whole lines.
        path: the file, for the message.
        first: the number of the block's first line.
        encoding: what the user says about it, for the message.

    Raises:
        ValueError: with the line and the byte that are not UTF-8.
    """
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        line = first + block.count(b"\n", 0, error.start)
        line_start = block.rfind(b"\n", 0, error.start) + 1
        place = error.start - line_start
        byte = block[error.start]
        advice = encoding_advice(block, error.start, path.name, encoding)
        raise ValueError(f"line {line} of {path}: not UTF-8 (byte {place}: {byte:#04x}). {advice}") from error


def _streams(raw: BufferedIOBase, path: Path, member: str, stack: ExitStack) -> Iterator[BufferedIOBase]:
    """The decompressed text of a file, or of each member of an archive; ``stack`` closes what is opened."""
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        yield from _members(raw, path, member, stack)
    elif path.suffix.lower() == ".gz":
        yield stack.enter_context(gzip.GzipFile(fileobj=raw))
    elif path.suffix.lower() == ".bz2":
        yield stack.enter_context(bz2.BZ2File(raw))
    else:
        yield raw


def _members(raw: BufferedIOBase, path: Path, member: str, stack: ExitStack) -> Iterator[BufferedIOBase]:
    has_member = False
    try:
        whole = stack.enter_context(gzip.GzipFile(fileobj=raw))
        # "r|" reads from front to back, without the jumps that cost a decompression from the beginning each.
        archive = stack.enter_context(tarfile.TarFile.open(fileobj=whole, mode="r|"))
        for entry in archive:
            if entry.isfile() and fnmatch(Path(entry.name).name, member):
                has_member = True
                yield archive.extractfile(entry)
        while whole.read(BLOCK):  # to the end, where the checksum is
            pass
    except _DAMAGE as error:
        raise ValueError(_damaged(path, error)) from error
    if not has_member:
        raise FileNotFoundError(f"{path}: the archive has no file named {member}.")


def _read(stream: BufferedIOBase, size: int, path: Path) -> bytes:
    try:
        return stream.read(size)
    except _DAMAGE as error:
        raise ValueError(_damaged(path, error)) from error
    except OSError as error:
        # bz2 says "Invalid data stream" with an OSError that has no number; a disk's own errors have one.
        if error.errno is None:
            raise ValueError(_damaged(path, error)) from error
        raise


def _endless(path: Path, start: int) -> str:
    """The message about a line that is too long; ``start`` is its first byte."""
    return (
        f"{path}: the line that begins at byte {start:,} (of the text, unpacked) has more than "
        f"{LONGEST_LINE:,} bytes. Expected a text of lines that end with a line feed: is this another kind "
        "of file, or has it lost its line ends?"
    )


def _damaged(path: Path, error: Exception) -> str:
    return f"{path}: damaged or cut short ({error}). Fetch it again."
