"""Log lines, warnings and tracebacks of a command, without control characters from data and without secrets.

They quote names of files, rows, answers of servers, and whole addresses. What is sent to a terminal on
purpose, such as a progress bar, does not come this way.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from types import TracebackType
from typing import Any

from relsym.runs.credentials import masked
from relsym.runs.disk import lack_of_room
from relsym.visible import visible

_format_warning = warnings.formatwarning
_handle_error = logging.Handler.handleError
_unraisable = sys.unraisablehook
# Why log lines of this process were lost, once that was told.
_FULL: list[str] = []


class VisibleRecord(logging.LogRecord):
    """A log record whose text, and whose traceback, are for people, whichever handler writes it."""

    def __init__(self, *values: Any, **more: Any) -> None:
        super().__init__(*values, **more)
        if self.exc_info:
            # A formatter takes the text of a traceback that a record has already.
            self.exc_text = _for_people(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:
        """See ``logging.LogRecord``."""
        return _for_people(super().getMessage())


def make_output_visible() -> None:
    """Have log lines, warnings and tracebacks of this process shown as ``visible`` text, and ``masked``.

    It may be called more than once.
    """
    logging.setLogRecordFactory(VisibleRecord)
    warnings.formatwarning = _visible_warning
    sys.excepthook = _print_traceback
    sys.unraisablehook = _tell_unraisable
    logging.Handler.handleError = _tell_lost_line  # type: ignore[method-assign]


def _tell_lost_line(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Of a log line that the disk has no room for, say so once; of others as ``logging`` does."""
    error = sys.exc_info()[1]
    if error is None or not _told_full(error, getattr(handler, "baseFilename", None)):
        _handle_error(handler, record)


def _tell_unraisable(unraisable: Any) -> None:
    """The same of what is found out where nothing can be raised, such as when a log file is closed."""
    error = unraisable.exc_value
    if error is None or not _told_full(error, getattr(unraisable.object, "name", None)):
        _unraisable(unraisable)


def _told_full(error: BaseException, file: Any) -> bool:
    """Whether an error is that of a full disk, which is told the first time: the run itself goes on."""
    reason = lack_of_room(error)
    if reason is None:
        return False
    if not _FULL:
        _FULL.append(reason)
        place = file if isinstance(file, str) else "a log"
        sys.stderr.write(
            _for_people(f"relsym: warning: {place}: no room for further lines ({reason}). Make room.\n")
        )
    return True


def _visible_warning(*values: Any, **more: Any) -> str:
    return _for_people(_format_warning(*values, **more))


def _print_traceback(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, place))
    sys.stderr.write(_for_people(text))


def _for_people(text: str) -> str:
    return visible(masked(text), lines=True)
