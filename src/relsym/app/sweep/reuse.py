"""Cells that other sweeps have already computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from relsym.app.sweep.folder import RESULTS, REUSED, WAITING, Entry, read_results

ANY = "any"


def reuse(entries: Sequence[Entry], folder: Path, mode: bool | str) -> dict[str, int]:
    """Point waiting jobs at finished runs of the sweeps beside ``folder``; how many came from which.

    Args:
        mode: False reuses nothing; True the same job of the same version, from a clean tree; "any" the same cell of any version and tree.
    """
    if mode is False:
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.parent.glob(f"*/*/{RESULTS}")):
        if path.parent.parent != folder and (results := read_results(path)) is not None:
            dirty = str(results.get("git_commit") or "").endswith("-dirty")
            key = results.get("cell_hash") if mode == ANY else None if dirty else results.get("job_hash")
            found.setdefault(str(key), path.parent)
    counts: dict[str, int] = {}
    for entry in entries:
        key = entry.identity.cell if mode == ANY else entry.identity.job
        if entry.verdict == WAITING and key in found:
            entry.verdict, entry.folder = REUSED, os.path.relpath(found[key], folder)
            counts[found[key].parent.name] = counts.get(found[key].parent.name, 0) + 1
    return counts
