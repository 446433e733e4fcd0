"""Where relsym keeps what it need not do twice."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(name: str, told: str | None = None) -> Path:
    """``relsym/NAME`` in $XDG_CACHE_HOME or ~/.cache, unless another folder is told. It need not exist."""
    return Path(told or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "relsym" / name).expanduser()
