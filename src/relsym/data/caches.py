"""Where relsym keeps what it need not do twice."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from relsym.runs.modes import make_private


def cache_folder(name: str, chosen: str | None = None) -> Path:
    """``relsym/NAME`` in $XDG_CACHE_HOME or ~/.cache, or the user's ``chosen`` folder. It need not exist."""
    if chosen:
        return Path(chosen).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches, "relsym", name).expanduser()


def make_cache_folder(folder: Path, option: str | None = None) -> None:
    """Make a folder of ``cache_folder``, and those above it, for the user alone.

    Args:
        option: the option by which the user may choose another one.

    Raises:
        OSError: it cannot be made, with what to set.
    """
    try:
        make_private(folder)
    except OSError as error:
        settings = "XDG_CACHE_HOME" if option is None else f"XDG_CACHE_HOME or {option}"
        advice = f"Set {settings} to a folder that you may write"
        raise OSError(error.errno, f"{error.strerror}. {advice}", str(folder)) from error


def read_cached(path: Path) -> Any:
    """What ``write_cached`` wrote, or None where it is not there or damaged."""
    if not path.exists():
        return None
    digest, _, body = path.read_bytes().partition(b"\n")
    # Latin-1 decodes any byte: a damaged digest differs, and is no error.
    if digest.decode("latin-1") != sha256(body).hexdigest():
        return None
    return json.loads(body)


def write_cached(path: Path, content: Any, advice: str) -> None:
    """Write plain values: their SHA-256, a line feed, and they themselves as JSON.

    The file is whole or not there, also where several processes write the same one.

    Raises:
        OSError: the folder cannot be written, with ``advice``.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    digest = sha256(body).hexdigest().encode()
    # Two that write at the same time, on this machine or another one, must not share the unfinished file.
    partial = path.with_name(f"partial.{uuid4().hex}.{path.name}")
    try:
        make_private(path.parent)
        partial.write_bytes(digest + b"\n" + body)
        os.replace(partial, path)  # atomic within a folder, so nobody reads half a file
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise OSError(error.errno, f"{error.strerror}. {advice}", str(path)) from error
