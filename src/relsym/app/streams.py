"""What a command prints, to wherever it goes: a reader that has left, a closed descriptor, a full disk.

A reader that leaves (``relsym report | head -1``) ends no run: what it no longer hears is dropped, and the
run goes on, since what it computes is in its folder.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2


class OutputLost(BaseException):
    """Standard output cannot be written, such as on a full disk.

    No ``Exception``: logging would print a traceback for each line of its own instead.
    """


class Outlet(io.RawIOBase):
    """A descriptor that a command prints to; once it cannot be written, what follows is dropped.

    Args:
        descriptor: of the process; it is not closed with the outlet.
        must_arrive: whether text that cannot be written for want of space, say, is an error. That the reader
            has left never is.
    """

    def __init__(self, descriptor: int, must_arrive: bool) -> None:
        super().__init__()
        self.descriptor, self.must_arrive = descriptor, must_arrive

    def writable(self) -> bool:
        """See ``io.RawIOBase``."""
        return True

    def fileno(self) -> int:
        """See ``io.RawIOBase``."""
        return self.descriptor

    def isatty(self) -> bool:
        """See ``io.RawIOBase``."""
        return os.isatty(self.descriptor)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """See ``io.RawIOBase``.

        Raises:
            OutputLost: it cannot be written, though somebody waits for it.
        """
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:  # a pipe that does not block, and is full: the buffer tries again
            return 0
        except OSError as error:
            # The descriptor itself: processes that are started, and libraries in C, write to it too.
            _open_nothing(self.descriptor)
            if self.must_arrive and not isinstance(error, BrokenPipeError):
                raise OutputLost(
                    f"standard output cannot be written: {error.strerror}. The command has ended there. Make "
                    "room, or send its output elsewhere, and give it again."
                ) from error
            return len(data)


def secure_output() -> None:
    """Let standard output and errors of this process go through an ``Outlet``.

    Descriptors that were closed when the process began lead nowhere from here on: a file that is opened later
    would get their numbers, and with them what a library prints. It may be called more than once, and
    leaves streams alone that something else has put in their place.
    """
    _fill_closed_descriptors()
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(STDIN, closefd=False))
    sys.stdout = _secured(sys.stdout, sys.__stdout__, STDOUT)
    sys.stderr = _secured(sys.stderr, sys.__stderr__, STDERR)


def _fill_closed_descriptors() -> None:
    """Open the first three descriptors where they are closed."""
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            _open_nothing(descriptor)


def _open_nothing(descriptor: int) -> None:
    """Let a descriptor lead nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != descriptor:
        os.dup2(nothing, descriptor)
        os.close(nothing)
    os.set_inheritable(descriptor, True)


def _secured(stream: Any, original: Any, descriptor: int) -> Any:
    """A stream in place of ``stream``, if that is the one that Python began with, or none."""
    is_stdout = descriptor == STDOUT
    if stream is None:  # it was closed when Python began
        buffer = io.BufferedWriter(Outlet(descriptor, is_stdout))
        return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    with suppress(OSError):
        stream.flush()
    buffer = io.BufferedWriter(Outlet(descriptor, is_stdout))
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
