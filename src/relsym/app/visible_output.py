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
from relsym.visible import visible

_format_warning = warnings.formatwarning


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


def _visible_warning(*values: Any, **more: Any) -> str:
    return _for_people(_format_warning(*values, **more))


def _print_traceback(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, place))
    sys.stderr.write(_for_people(text))


def _for_people(text: str) -> str:
    return visible(masked(text), lines=True)
