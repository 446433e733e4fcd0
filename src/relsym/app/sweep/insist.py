"""Signals that end a process although some library catches every exception.

A handler of Python raises its exception wherever the process stands. Where that is an import that may fail
(``except Exception``), or a finalizer, the exception is lost, and the process goes on until it is killed.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]
# Seconds after which it is asked again whether the process is ending.
AGAIN_S = 2.0


def insisting(handler: Handler) -> Handler:
    """A handler of signals that does what the given one does, until the process ends.

    What the given one raises is raised again every ``AGAIN_S`` seconds, unless the process is dealing with it
    by then: in an ``except``, a ``finally`` or the end of a ``with``, which may take as long as they like. So
    a library that goes on working in its ``except`` is not interrupted again.

    It uses the process's one alarm clock (SIGALRM). Call ``content`` when the end has been told.
    """

    def first(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException as end:
            _ask_again(end)
            raise

    return first


def content() -> None:
    """Ask no more: the process is at its end."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _ask_again(end: BaseException) -> None:
    """Set the alarm after which an end that was lost is raised again."""

    def again(number: int, frame: FrameType | None) -> None:
        if not _is_handled(end):
            raise end.with_traceback(None)

    signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S, AGAIN_S)


def _is_handled(end: BaseException) -> bool:
    """Whether the process is dealing with an exception, or with one that came while it did."""
    current = sys.exc_info()[1]
    seen: list[BaseException] = []  # some library may have made a ring of them
    while current is not None and current not in seen:
        if current is end:
            return True
        seen.append(current)
        current = current.__context__
    return False
