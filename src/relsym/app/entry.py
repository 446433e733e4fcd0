"""Runs a task so that whatever goes wrong ends in one message and a non-zero exit code."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from relsym.app.limits import check_surroundings, shortage
from relsym.app.process import INTERRUPTED, find_home
from relsym.app.streams import OutputLost, secure_output
from relsym.app.users_code import place_in_users_code
from relsym.app.values.named_paths import noted_option, noting_option
from relsym.app.values.own_options import check_own_options
from relsym.app.visible_output import make_output_visible
from relsym.runs.credentials import masked
from relsym.runs.disk import NoRoom, lack_of_room, message_of, told
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
# A path or an answer of a server can be of any length: nobody reads more of one than its beginning.
_LONG_WORD = re.compile(r"(\S{400})\S{400,}")
WRAPPERS = ("InstantiationException", "InterpolationResolutionError")


class TaskFailed(BaseException):
    """Carries a task's error past Hydra, which would print a line of its own about every Exception."""


@contextmanager
def past_hydra() -> Iterator[None]:
    """Let every error out as ``TaskFailed``: Hydra would make a warning of one that a callback raises.

    ``SystemExit`` is one: nothing below leaves by it, so that a user's own code did, and nothing is finished.
    """
    try:
        yield
    except (KeyboardInterrupt, OutputLost, TaskFailed):
        raise
    except BaseException as error:
        raise TaskFailed from error


@contextmanager
def where_it_was_started() -> Iterator[None]:
    """Work in the folder that the command was started in, though ``hydra.job.chdir`` changed to the run's.

    A relative path means the same whatever Hydra does: every path of every option, those that packages read
    themselves, and ``PYTHONPATH``. What a command writes itself lies in its folder anyway.
    """
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        yield
        return
    hydras_folder, started = os.getcwd(), HydraConfig.get().runtime.cwd
    if hydras_folder == started:
        yield
        return
    logging.getLogger(__name__).info(
        "hydra.job.chdir=true: relative paths are read from %s all the same, where the command was started.",
        started,
    )
    os.chdir(started)
    try:
        yield
    finally:
        os.chdir(hydras_folder)


def guarded(task: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wrap the body of a task, for use under ``hydra.main``: its errors come out as ``TaskFailed``."""

    @wraps(task)
    def body(cfg: Any) -> None:
        with past_hydra(), where_it_was_started(), noting_option(cfg):
            task(cfg)

    return body


def run(task: Callable[[], None], failed: int = 1) -> None:
    """Call a Hydra application; an error ends in one message on stderr and a non-zero exit code.

    The folders that it held are released, whatever happened.

    HYDRA_FULL_ERROR=1 shows tracebacks.

    Args:
        task: the application.
        failed: the exit code after an error.
    """
    # Hydra prints errors from before the task starts in ways of its own, unless its variable is set. What the
    # user had set is kept in another one, which further ranks inherit.
    os.environ.setdefault("RELSYM_FULL_ERROR", os.environ.get("HYDRA_FULL_ERROR", "0"))
    os.environ["HYDRA_FULL_ERROR"] = "1"
    secure_output()
    make_output_visible()
    try:
        check_surroundings()
        find_home()
        check_own_options(sys.argv[1:])
        try:
            task()
        except SystemExit:  # by which Hydra ends after --help, with what it printed still in the buffer
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nrelsym: interrupted. A folder without results.json (of a build: manifest.json, of a check: "
            "check.json, of an index: index.json) holds nothing finished: run the same command again.\n"
        )
        sys.exit(INTERRUPTED)
    except OutputLost as lost:
        sys.stderr.write(f"\nrelsym: error: {lost}\n")
        sys.exit(failed)
    except (Exception, TaskFailed) as failure:
        error = failure.__cause__ if isinstance(failure, TaskFailed) else failure
        if os.environ["RELSYM_FULL_ERROR"] == "1":
            if isinstance(error, SystemExit) or failed != 1:  # raised on, it would have another exit code
                sys.excepthook(type(error), error, error.__traceback__)
                sys.exit(failed)
            raise error from error.__cause__
        message = visible(describe(error), lines=True)
        sys.stderr.write(f"\nrelsym: error: {message}\n")
        sys.exit(failed)
    finally:
        release_all()


def describe(error: BaseException) -> str:
    """The message for the user about an error, with its type where it is none that a user can cause.

    An error that Hydra or omegaconf only wraps is described by what is inside.
    """
    # Hydra wraps what a constructor raised, omegaconf what a resolver raised.
    while type(error).__name__ in WRAPPERS and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        error = error.__cause__  # Python lets none out of a generator as it is
    place = place_in_users_code(error)
    text = _lacking(error, place) or _in_users_code(error, place) or _described(error)
    # What other libraries say of an error often has the whole address in it.
    return _LONG_WORD.sub(r"\1...", masked(text)) or type(error).__name__


def _lacking(error: BaseException, place: str | None) -> str | None:
    """The message about something that the system has no more of, with the place in a user's own code."""
    text = shortage(error, is_in_users_code=place is not None) or _without_room(error)
    if text is None or place is None:
        return text
    return f"{place}: {type(error).__name__}: {text}"


def _without_room(error: BaseException) -> str | None:
    """The message about a disk that takes no more; None where it was not that, or where the error says it."""
    reason = None if isinstance(error, NoRoom) else lack_of_room(error)
    if reason is None:
        return None
    from relsym.app.full_disk import told_with_room

    return told_with_room(error, reason)


def _in_users_code(error: BaseException, place: str | None) -> str | None:
    """The message about an error that a user's own code raised; None where it has no place there."""
    if place is None:
        return None
    kind, text = type(error).__name__, message_of(error)
    if isinstance(error, SystemExit):
        return (
            f"{place}: it left by sys.exit({error.code!r}), so nothing is finished. Have it return its "
            "answer, or raise an error that says what is wrong."
        )
    return f"{place}: {kind}: {text}" if text else f"{place}: {kind}"


def _described(error: BaseException) -> str:
    """The message about an error that relsym raised, or a package that it calls."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = message_of(error)
    # Hydra refuses GROUP=null by a plain ValueError.
    if "HydraException" in kinds or text.startswith("Config group override"):
        from relsym.app.values.suggest import with_near_matches

        cause = ""
        if error.__cause__ is not None:
            cause, _, _ = message_of(error.__cause__).partition("\n")
        text = with_near_matches(text, cause)
    elif isinstance(error, ImportError):
        from relsym.app.values.suggest import with_install_line

        text = with_install_line(text)
    elif isinstance(error, OSError) and error.strerror is not None:  # Hydra's own have none
        option = noted_option(error)
        text = told(error) if option is None else f"{option}: {told(error)}"
    if "SIGTERMException" in kinds:  # Lightning's
        return "this process was told to end (SIGTERM), as a cluster does at a time limit."
    if kinds.isdisjoint(EXPECTED):
        text = f"unexpected {type(error).__name__}: {text}\nHYDRA_FULL_ERROR=1 shows where it came from."
    return text
