"""Where in a user's own code an error came up: functions, metrics and objectives that options name."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

import relsym

_RELSYM = str(Path(relsym.__file__).parent) + os.sep
# Relsym's side of a sweep lies beside it, in a package of Hydra's.
_PLUGINS = f"{os.sep}hydra_plugins{os.sep}"
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def place_in_users_code(error: BaseException) -> str | None:
    """``FILE, line 3, in exits``, if an error came up in a user's own code, or in packages that it called.

    None where relsym itself did, where no code but that of packages was running, and where the code called
    relsym, not relsym the code. Code that is installed as a package counts as one.
    """
    place = None
    was_in_relsym = False
    for frame in traceback.extract_tb(error.__traceback__):  # the outermost first
        path = os.path.abspath(frame.filename)
        if path.startswith(_RELSYM) or _PLUGINS in path:
            was_in_relsym = True
            place = None
        elif was_in_relsym and not _is_library(frame.filename, path):
            place = f"{path}, line {frame.lineno}, in {frame.name}"
    return place


def _is_library(name: str, path: str) -> bool:
    """Whether a file belongs to Python or to an installed package; what has no file counts as such."""
    if name.startswith("<") or any(part in path for part in _INSTALLED):
        return True
    libraries = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return any(path.startswith(library + os.sep) for library in libraries)
