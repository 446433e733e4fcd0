"""What a process needs of the system around it: a folder to stand in, open files, memory, threads.

Loads nothing heavy: it is asked before anything that takes seconds is imported.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from relsym.runs.disk import message_of

try:
    import resource
except ModuleNotFoundError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

# Below this a command fails somewhere in the middle, wherever it happens to open one file too many.
FEWEST_OPEN_FILES = 64
# What is asked for where the limit is lower and may be raised.
OPEN_FILES = 1024
# How libraries say that memory is missing, in lower case, where they have no exception of its own.
_NO_MEMORY = (
    "cannot allocate memory",
    "can't allocate memory",
    "could not allocate",
    "unable to allocate",
    "out of memory",
    "not enough memory",
    "bad_alloc",
    "failed to map segment",
    "(os error 12)",
)
# How Python says that the system starts no further thread, and libraries in Rust, whose errors have a kind of
# their own.
_NO_THREAD = "can't start new thread"
_NO_THREAD_IN_RUST = "ThreadPoolBuildError"
# The kinds of error of which the words above are looked at: what a server says is none of these.
_KINDS = (RuntimeError, ImportError, MemoryError)
# Errors that led to an error which are looked at, at most.
_LONGEST_CHAIN = 20


def check_surroundings() -> None:
    """Refuse to start where the command could not end well, before anything heavy is imported.

    Raises:
        ValueError: the folder that the command was started in is gone, or too few files may be open.
    """
    try:
        os.getcwd()
    except OSError as error:
        raise ValueError(
            f"the folder in which this command was started is gone ({error.strerror}): it was deleted or "
            "moved. Change to a folder that exists (cd), and give the command again."
        ) from error
    check_open_files()


def check_open_files() -> None:
    """Raise the number of files that may be open, where it is low and the system lets it be raised.

    Raises:
        ValueError: it stays too low.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _at_least(soft, FEWEST_OPEN_FILES):
        return
    if _at_least(hard, FEWEST_OPEN_FILES):
        new = OPEN_FILES if _at_least(hard, OPEN_FILES) else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (new, hard))
        return
    raise ValueError(
        f"a process of this shell may have {hard} open files at a time, and relsym needs "
        f"{FEWEST_OPEN_FILES}. Raise the limit (ulimit -n {OPEN_FILES}), in a new shell if this one may not."
    )


def _at_least(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted


def shortage(error: BaseException, is_in_users_code: bool = False) -> str | None:
    """What to tell about an error that came of the system having no more of something; None of others.

    Args:
        error: with those that led to it, which are looked at too.
        is_in_users_code: it came up in code of the user's, to which relsym's options mean nothing.
    """
    for cause in _chain(error):
        text = " ".join(message_of(cause).split())
        said = f" ({text[:200]})" if text else ""
        number = getattr(cause, "errno", None)
        if number in (errno.EMFILE, errno.ENFILE):
            return f"too many open files{said}. Raise the limit of the shell: ulimit -n {OPEN_FILES}."
        if _is_about_threads(cause, text):
            return (
                f"the system starts no further thread or process{said}. Raise the limits of the shell or the "
                "container (ulimit -u for their number, ulimit -v for the memory that each takes), or let "
                "fewer run: hydra.launcher.jobs, OMP_NUM_THREADS."
            )
        if _is_about_memory(cause, text):
            return _memory_message(said, text, is_in_users_code)
    return None


def _is_about_threads(error: BaseException, text: str) -> bool:
    of_python = isinstance(error, RuntimeError) and _NO_THREAD in text
    return of_python or (type(error).__name__ == "PanicException" and _NO_THREAD_IN_RUST in text)


def _is_about_memory(error: BaseException, text: str) -> bool:
    """Whether an error says that there was no memory left."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    lower = text.lower()
    # Parsers and writers in Rust have errors of their own kinds, with the system's number in their text.
    if "(os error 12)" in lower:
        return True
    return isinstance(error, _KINDS) and any(words in lower for words in _NO_MEMORY)


def _memory_message(said: str, text: str, is_in_users_code: bool) -> str:
    """What to do about missing memory, of the GPU or of the machine."""
    if is_in_users_code:
        which = "the memory of the GPU" if "CUDA" in text else "the memory"
        return f"{which} does not suffice{said}. Have this code take less."
    smaller = (
        "Take smaller batches (data.batch_size; of a language model model.tokens_per_batch), shorter texts "
        "(model.max_length) or a smaller model"
    )
    if "CUDA" in text:
        return f"the memory of the GPU does not suffice{said}. {smaller}, precision=bf16, or a larger GPU."
    return (
        f"the memory does not suffice{said}. {smaller}, let fewer jobs of a sweep run at once "
        "(hydra.launcher.jobs), or raise the limit of the shell (ulimit -v), container or cluster job."
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what it came from, what that came from, and so on."""
    current: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if current is None:
            return
        yield current
        context = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or context
