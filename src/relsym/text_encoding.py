"""In which encoding a text is: UTF-8, what its byte order mark says, or what the user says.

Nothing else is guessed, but in a message: bytes that are no UTF-8 could be of many encodings, and read in a
wrong one they would be other letters.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

UTF8 = "utf-8"
# The longer ones first: that of UTF-32 begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# What iconv calls them.
ICONV_NAMES = {
    "utf-32-le": "UTF-32LE",
    "utf-32-be": "UTF-32BE",
    "utf-16-le": "UTF-16LE",
    "utf-16-be": "UTF-16BE",
    "cp1252": "CP1252",
    "latin1": "ISO-8859-1",
}
# How packed bytes begin, whatever the file is called. No text begins so.
_PACKED = {
    "gzip": rb"\x1f\x8b\x08",
    "bzip2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    "zip, as .xlsx files are": rb"PK(?:\x03\x04|\x05\x06)",
    "xz": rb"\xfd7zXZ\x00",
    "zstd": rb"\x28\xb5\x2f\xfd",
    "7-zip": rb"7z\xbc\xaf\x27\x1c",
    "tar": rb"[^\x00][\x00-\xff]{256}ustar[\x00 ]",
}
_NAMED_PACKINGS = {"gzip": "let its name end in .gz", "bzip2": "let its name end in .bz2"}
UNPACKERS = {".gz": "gzip -dc", ".bz2": "bzip2 -dc"}
_TO_LINE_FEEDS = r"tr '\r' '\n' <"
# Python's encodings of names of hosts and of its own source: no file of lines is in them.
_NO_FILES = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined")
_LOOKED_AT = 4096  # bytes at the beginning of a text that tell whether it is UTF-16
_C1_CONTROLS = range(0x80, 0xA0)  # letters and quotes in Windows' encodings, hardly ever used otherwise


class TextEncoding(NamedTuple):
    """What the user says about the encoding of texts.

    name: of the encoding; None: UTF-8. A byte order mark goes before both.
    key: what that is called in the configuration, for messages; empty: there is no such setting.
    """

    name: str | None = None
    key: str = ""


UNSAID = TextEncoding()


def checked_encoding(name: str | None, key: str = "data.encoding") -> TextEncoding:
    """The encoding of this name.

    Args:
        name: as Python knows it, such as utf-16-le, latin1 or cp1252; None: UTF-8.
        key: what it is called in the configuration.

    Raises:
        ValueError: no such encoding of texts.
    """
    if name is None:
        return TextEncoding(None, key)
    try:
        known = codecs.lookup(name)
        # Python calls codecs also what packs bytes (zip) or turns letters (rot13).
        known.incrementaldecoder("strict").decode(b"", True)
        "".encode(name)
        if known.name in _NO_FILES:
            raise ValueError(known.name)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{key}={name}: no encoding of texts. Pass its name, such as utf-16-le, latin1 or cp1252."
        ) from error
    return TextEncoding(known.name, key)


def told_encoding(head: bytes, encoding: TextEncoding = UNSAID) -> tuple[str, int]:
    """The encoding of a text, and how many bytes of a mark it begins with.

    Args:
        head: the text's first bytes.
        encoding: what the user says.
    """
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name, len(mark)
    return encoding.name or UTF8, 0


def checked_head(
    head: bytes, origin: str, encoding: TextEncoding = UNSAID, unpacks: bool = True
) -> tuple[str, int]:
    """What ``told_encoding`` gives, of bytes that may be the beginning of a text.

    Args:
        head: the text's first bytes.
        origin: the file, for the message.
        encoding: what the user says.
        unpacks: whether the file would be unpacked if its name said that it is packed.

    Raises:
        ValueError: packed bytes; UTF-16 or UTF-32 without a byte order mark.
    """
    for packing, pattern in _PACKED.items():
        if re.match(pattern, head):
            named = _NAMED_PACKINGS.get(packing, "pack it with gzip (.gz)")
            advice = f"Unpack it, or {named}." if unpacks else "Unpack it."
            raise ValueError(f"{origin}: packed ({packing}), and no text as it is. {advice}")
    name, mark = told_encoding(head, encoding)
    if not mark and name in ("utf-16", "utf-32"):
        setting = f"{encoding.key}={name}"
        raise ValueError(
            f"{origin}: {setting} is read by a byte order mark, and there is none. Pass {setting}-le or "
            f"{setting}-be."
        )
    if not mark and name == UTF8:
        refuse_unmarked_utf16(head, origin, encoding)
    return name, mark


def refuse_lone_returns(text: bytes, origin: str) -> None:
    """Refuse a text without line feeds whose lines end with carriage returns, as in old spreadsheets.

    Args:
        text: the beginning of the text, or all of it, in UTF-8.
        origin: the file, for the message.

    Raises:
        ValueError: with what to do.
    """
    inner = text.rstrip(b"\r\n")
    if b"\r" in inner and b"\n" not in inner:
        raise ValueError(
            f"{origin}: its lines end with a carriage return alone, and with no line feed. Convert it, for "
            f"example with: {_command(_TO_LINE_FEEDS, origin, 'lines')}"
        )


def encoding_in_use(name: str, encoding: TextEncoding) -> TextEncoding:
    """The encoding that a text is read in, with the setting that says so, or none if its mark does.

    Args:
        name: of the encoding, as ``told_encoding`` gives it.
        encoding: what the user says.
    """
    if name in (UTF8, encoding.name):
        return encoding
    return TextEncoding(name)


def refuse_unmarked_utf16(head: bytes, origin: str, encoding: TextEncoding) -> None:
    """Refuse a text of UTF-16 without a byte order mark, which may be read as UTF-8 full of NUL characters.

    Args:
        head: the text's first bytes, without a byte order mark.
        origin: the file, for the message.
        encoding: what the user says.

    Raises:
        ValueError: with what to do.
    """
    guess = _unmarked_utf16(head)
    if guess:
        raise ValueError(
            f"{origin}: not UTF-8, but {ICONV_NAMES[guess]} without a byte order mark, by its NUL bytes. "
            f"{_conversion(guess, origin, encoding)}"
        )


def encoding_advice(content: bytes, start: int, origin: str, encoding: TextEncoding) -> str:
    """What to do about a text that is not in the encoding that it is read in.

    Args:
        content: bytes of it.
        start: of the first byte that cannot be read.
        origin: the file.
        encoding: what the user says.
    """
    if encoding.name not in (None, UTF8):
        if not encoding.key:
            return f"Its byte order mark says {encoding.name}: it is damaged, or no text."
        return f"Check {encoding.key}={encoding.name}: the file is in another encoding, or damaged."
    marked, _ = told_encoding(content)
    if marked != UTF8:
        return _conversion(marked, origin, encoding)
    if not content[:start].isascii():
        # No plain ASCII either: hardly ever would a text in another encoding look like that.
        return "What stands before it is UTF-8, so that this place is damaged: correct the file."
    return _conversion(_single_byte_encoding(content[start:]), origin, encoding)


def text_of(content: bytes, origin: str, encoding: TextEncoding = UNSAID) -> str:
    """The text of a whole file, without a byte order mark.

    Args:
        content: of the file.
        origin: the file, for the message.
        encoding: what the user says.

    Raises:
        ValueError: it is not in the encoding that it should be in, with the line and what to do; packed.
    """
    if content.startswith(b"PAR1") and content.endswith(b"PAR1"):
        raise ValueError(f"{origin}: it begins as a Parquet file does. Let its name end in .parquet.")
    name, mark = checked_head(content[:_LOOKED_AT], origin, encoding, unpacks=False)
    try:
        return content[mark:].decode(name)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.decode(name, errors="ignore").count("\n") + 1
        byte = error.object[error.start]
        advice = encoding_advice(error.object, error.start, origin, encoding_in_use(name, encoding))
        place = f"{origin}, line {line}"
        raise ValueError(f"{place}: not {name.upper()} (byte {byte:#04x}). {advice}") from error
    except UnicodeError as error:
        raise ValueError(other_fault(origin, name, error, encoding)) from error


def other_fault(origin: str, name: str, error: UnicodeError, encoding: TextEncoding) -> str:
    """The message about a text that a decoder refuses without saying where.

    Args:
        origin: the file, with its line where that is known.
        name: of the encoding.
        error: of the decoder.
        encoding: what the user says.
    """
    advice = encoding_advice(b"", 0, origin, encoding_in_use(name, encoding))
    return f"{origin}: not {name.upper()} ({error}). {advice}"


def _conversion(name: str, origin: str, encoding: TextEncoding) -> str:
    """How to read a text that is in this encoding, or to convert it."""
    setting = f"Pass {encoding.key}={name}, or convert" if encoding.key else "Convert"
    command = _command(f"iconv -f {ICONV_NAMES[name]} -t UTF-8", origin, "utf8")
    return f"{setting} it, for example with: {command}"


def _command(filter: str, origin: str, prefix: str) -> str:
    """The command line that puts a file, unpacked, through a filter and into a file with a prefix."""
    file = origin.rpartition("/")[2]
    stem, dot, ending = file.rpartition(".")
    unpack = UNPACKERS.get((dot + ending).lower())
    if unpack:
        return f"{unpack} {file} | {filter.removesuffix(' <')} > {prefix}-{stem}"
    return f"{filter} {file} > {prefix}-{file}"


def _single_byte_encoding(content: bytes) -> str:
    """latin1 or cp1252, by the bytes in which they differ."""
    return "cp1252" if any(byte in _C1_CONTROLS for byte in content) else "latin1"


def _unmarked_utf16(head: bytes) -> str | None:
    """utf-16-le or utf-16-be if the NUL bytes stand where these have them, else None."""
    head = head[:_LOOKED_AT]
    pairs = len(head) // 2
    if not pairs:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    # Even where no letter is Latin, one in twenty characters is a tab, a blank, a digit or a line end.
    least = max(2, pairs // 20)
    # A line end has its NUL beside it; in a text of UTF-8 that holds NUL characters it hardly ever has.
    line_ends = head.count(b"\n")
    if odd >= least and even * 20 <= odd and head.count(b"\n\0") * 2 >= line_ends:
        return "utf-16-le"
    if even >= least and odd * 20 <= even and head.count(b"\0\n") * 2 >= line_ends:
        return "utf-16-be"
    return None
