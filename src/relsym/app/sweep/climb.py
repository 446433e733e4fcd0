"""Rungs of sample counts: which job may climb next, and which need not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from relsym.runs.sweeps import HAS_RESULTS, LEFT_OUT, RUNNING, WAITING, Entry


def leave_out(entries: Sequence[Entry]) -> list[Entry]:
    """Take jobs above two solved rungs in a row from the list; those taken now."""
    taken = []
    for rungs in _ladders(entries):
        for place, entry in enumerate(rungs):
            two_below = rungs[max(place - 2, 0) : place]
            if (
                entry.verdict == WAITING
                and len(two_below) == 2
                and all(_settled(below) for below in two_below)
            ):
                entry.verdict = LEFT_OUT
                taken.append(entry)
    return taken


def may_start(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether no lower rung of its ladder still has to tell whether this one is needed."""
    lower = (
        rung
        for rung in entries
        if rung.identity.ladder == entry.identity.ladder and _height(rung) < _height(entry)
    )
    return not any(rung.verdict in (WAITING, RUNNING) for rung in lower)


def _settled(entry: Entry) -> bool:
    return entry.verdict == LEFT_OUT or (entry.verdict in HAS_RESULTS and entry.solved)


def _ladders(entries: Iterable[Entry]) -> list[list[Entry]]:
    ladders: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=_height):
        ladders.setdefault(entry.identity.ladder, []).append(entry)
    return list(ladders.values())


def _height(entry: Entry) -> float:
    return float("inf" if entry.samples is None else entry.samples)
