"""Cells that other sweeps have already computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from relsym.app.sweep.terminal import say
from relsym.runs.layout import RESULTS
from relsym.runs.results import AnyResults, read_results
from relsym.runs.sweeps import REUSED, WAITING, Entry

ANY = "any"


def reuse(entries: Sequence[Entry], folder: Path, mode: bool | str) -> dict[str, int]:
    """Point waiting jobs at finished runs of the sweeps beside ``folder``.

    Args:
        mode: False reuses nothing; True the same job of the same version, from a clean tree; "any" the same
            cell of any version and tree.

    Returns:
        How many jobs were taken from each sweep, by the name of its folder.
    """
    if mode is False:
        return {}
    folders = _finished_runs(folder, mode)
    counts: dict[str, int] = {}
    for entry in entries:
        key = entry.identity.cell if mode == ANY else entry.identity.job
        if entry.verdict == WAITING and key in folders:
            run_folder = folders[key]
            entry.verdict = REUSED
            entry.folder = os.path.relpath(run_folder, folder)
            sweep = run_folder.parent.name
            counts[sweep] = counts.get(sweep, 0) + 1
    return counts


def _finished_runs(folder: Path, mode: bool | str) -> dict[str, Path]:
    """The run folders of the other sweeps, by the hash that jobs are looked up by; of equals the first."""
    folders: dict[str, Path] = {}
    unreadable = []
    # Sorted, so that of several runs of one job always the same is taken.
    for path in sorted(folder.parent.glob(f"*/*/{RESULTS}")):
        if path.parent.parent == folder:
            continue
        try:
            results = read_results(path)
        except ValueError as error:
            unreadable.append(str(error))
            continue
        key = _key(results, mode)
        if key is not None:
            folders.setdefault(key, path.parent)
    if unreadable:
        say(
            f"{len(unreadable)} results of other sweeps cannot be read, so they are not taken: "
            f"{unreadable[0]}"
        )
    return folders


def _key(results: AnyResults, mode: bool | str) -> str | None:
    """The hash by which a finished run may be taken for a job, None if it may not."""
    if mode == ANY:
        return results.cell_hash
    # What a tree with changes computed, no version can tell.
    from_dirty_tree = (results.git_commit or "").endswith("-dirty")
    return None if from_dirty_tree else results.job_hash
