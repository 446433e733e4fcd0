"""Runs a task so that whatever goes wrong ends in one message and a non-zero exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from relsym.app.process import INTERRUPTED, find_home
from relsym.app.values.own_options import check_own_options
from relsym.app.visible_output import make_output_visible
from relsym.runs.credentials import masked
from relsym.runs.lock import release_all
from relsym.visible import visible

# Errors that a user can mend: their message is all that is shown. Any other is reported as unexpected, with
# its type. They stand here by name, since importing the classes would load torch and Hydra.
EXPECTED = {
    "ValueError",
    "OSError",
    "ImportError",
    "SafetensorError",
    "HydraException",
    "OmegaConfBaseException",
    "MisconfigurationException",
    "UsageError",
}
WRAPPERS = ("InstantiationException", "InterpolationResolutionError")


class TaskFailed(BaseException):
    """Carries a task's error past Hydra, which would print a line of its own about every Exception."""


@contextmanager
def past_hydra() -> Iterator[None]:
    """Let every Exception out as ``TaskFailed``: Hydra would make a warning of one that a callback raises."""
    try:
        yield
    except Exception as error:
        raise TaskFailed from error


def guarded(task: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wrap the body of a task, for use under ``hydra.main``: its errors come out as ``TaskFailed``."""

    @wraps(task)
    def body(cfg: Any) -> None:
        with past_hydra():
            task(cfg)

    return body


def run(task: Callable[[], None]) -> None:
    """Call a Hydra application; an error ends in one message on stderr and a non-zero exit code.

    The folders that it held are released, whatever happened.

    HYDRA_FULL_ERROR=1 shows tracebacks.
    """
    # Hydra prints errors from before the task starts in ways of its own, unless its variable is set. What the
    # user had set is kept in another one, which further ranks inherit.
    os.environ.setdefault("RELSYM_FULL_ERROR", os.environ.get("HYDRA_FULL_ERROR", "0"))
    os.environ["HYDRA_FULL_ERROR"] = "1"
    make_output_visible()
    try:
        find_home()
        check_own_options(sys.argv[1:])
        task()
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nrelsym: interrupted. A folder without results.json (of a build: manifest.json) holds nothing "
            "finished: run the same command again.\n"
        )
        sys.exit(INTERRUPTED)
    except (Exception, TaskFailed) as failure:
        error = failure.__cause__ if isinstance(failure, TaskFailed) else failure
        if os.environ["RELSYM_FULL_ERROR"] == "1":
            raise error from error.__cause__
        message = visible(describe(error), lines=True)
        sys.stderr.write(f"\nrelsym: error: {message}\n")
        sys.exit(1)
    finally:
        release_all()


def describe(error: BaseException) -> str:
    """The message for the user about an error, with its type where it is none that a user can cause.

    An error that Hydra or omegaconf only wraps is described by what is inside.
    """
    # Hydra wraps what a constructor raised, omegaconf what a resolver raised.
    while type(error).__name__ in WRAPPERS and error.__cause__ is not None:
        error = error.__cause__
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = str(error).strip()
    # Hydra refuses GROUP=null by a plain ValueError.
    if "HydraException" in kinds or text.startswith("Config group override"):
        from relsym.app.values.suggest import with_near_matches

        cause = ""
        if error.__cause__ is not None:
            cause, _, _ = str(error.__cause__).partition("\n")
        text = with_near_matches(text, cause)
    elif isinstance(error, ImportError):
        from relsym.app.values.suggest import with_install_line

        text = with_install_line(text)
    if kinds.isdisjoint(EXPECTED):
        text = f"unexpected {type(error).__name__}: {text}\nHYDRA_FULL_ERROR=1 shows where it came from."
    # What other libraries say of an error often has the whole address in it.
    return masked(text) or type(error).__name__
