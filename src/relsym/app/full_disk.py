"""The message about a disk that took nothing more, where nobody has named the file that was written."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import gettempdir

from relsym.data.caches import cache_folder
from relsym.runs.disk import files_of, message_of, no_room, room_of
from relsym.runs.lock import held_folders, option_of


def told_with_room(error: BaseException, reason: str) -> str:
    """What was written, why it could not be, how much room there is, and what to do.

    Args:
        error: of whatever wrote: Python, Hydra, a logger, a library.
        reason: of the disk, in the system's words, as ``lack_of_room`` finds it.
    """
    files = files_of(error)
    if files:
        path = Path(files[-1])  # of a copy, what could not be written
        message = str(no_room(path, reason, option_of(path)))
        # What a part of relsym has added to the system's words says what to do there.
        advice = str(getattr(error, "strerror", "")).removeprefix(reason).strip(". ")
        return f"{message} {advice}." if advice else message
    said = message_of(error)
    beginning = said if str(Path.cwd().anchor) in said else f"no room to write ({reason})"
    return (
        f"{beginning.rstrip('.')}. Make room, then give the same command again. Where this command writes: "
        f"{room_of(_places())}."
    )


def _places() -> list[Path]:
    """Where a command writes: its own folder first, then caches and temporary files."""
    places = [*held_folders(), cache_folder("")]
    hub = os.environ.get("HF_HOME")
    if hub:
        places.append(Path(hub).expanduser())
    return [*places, Path(gettempdir())]
