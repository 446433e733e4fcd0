"""Cells that other sweeps have already computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from relsym.app.sweep.terminal import say
from relsym.runs.layout import RESULTS
from relsym.runs.results import read_results
from relsym.runs.sweeps import REUSED, WAITING, Entry

ANY = "any"


def reuse(entries: Sequence[Entry], folder: Path, mode: bool | str) -> dict[str, int]:
    """Point waiting jobs at finished runs of the sweeps beside ``folder``; how many came from which.

    Args:
        mode: False reuses nothing; True the same job of the same version, from a clean tree; "any" the same
        cell of any version and tree.
    """
    if mode is False:
        return {}
    folders: dict[str, Path] = {}
    unreadable = []
    for path in sorted(folder.parent.glob(f"*/*/{RESULTS}")):
        if path.parent.parent == folder:
            continue
        try:
            results = read_results(path)
        except ValueError as error:
            unreadable.append(str(error))
            continue
        dirty = (results.git_commit or "").endswith("-dirty")
        key = results.cell_hash if mode == ANY else None if dirty else results.job_hash
        if key is not None:
            folders.setdefault(key, path.parent)
    if unreadable:
        say(
            f"{len(unreadable)} results of other sweeps cannot be read, so they are not taken: "
            f"{unreadable[0]}"
        )
    counts: dict[str, int] = {}
    for entry in entries:
        key = entry.identity.cell if mode == ANY else entry.identity.job
        if entry.verdict == WAITING and key in folders:
            entry.verdict, entry.folder = REUSED, os.path.relpath(folders[key], folder)
            sweep = folders[key].parent.name
            counts[sweep] = counts.get(sweep, 0) + 1
    return counts
