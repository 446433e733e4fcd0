"""Where relsym keeps what it need not do twice."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any


def cache_folder(name: str, told: str | None = None) -> Path:
    """``relsym/NAME`` in $XDG_CACHE_HOME or ~/.cache, unless another folder is told. It need not exist."""
    return Path(told or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "relsym" / name).expanduser()


def read_cached(path: Path) -> Any:
    """What ``write_cached`` wrote, or None where it is not there or damaged."""
    digest, _, body = path.read_bytes().partition(b"\n") if path.exists() else (b"", b"", b"")
    return json.loads(body) if digest.decode("latin-1") == sha256(body).hexdigest() else None


def write_cached(path: Path, content: Any, advice: str) -> None:
    """Write plain values: SHA-256, a line feed, JSON. Whole or not there, also where several processes write
    the same.

    Raises:
        OSError: the folder cannot be written, with ``advice``.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    partial = path.with_name(f"partial.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise OSError(error.errno, f"{error.strerror}. {advice}", str(path)) from error
