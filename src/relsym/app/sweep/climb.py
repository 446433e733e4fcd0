"""Rungs of sample counts: which job may climb next, and which need not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from relsym.runs.sweeps import HAS_RESULTS, LEFT_OUT, RUNNING, WAITING, Entry


def leave_out(entries: Sequence[Entry]) -> list[Entry]:
    """Mark the waiting jobs above two solved rungs in a row as left out, and return those marked now."""
    newly_left_out = []
    for rungs in _ladders(entries):
        for place, entry in enumerate(rungs):
            if entry.verdict != WAITING or place < 2:
                continue
            # A rung that was left out counts as solved, so that the whole rest of a ladder goes at once.
            if _settled(rungs[place - 2]) and _settled(rungs[place - 1]):
                entry.verdict = LEFT_OUT
                newly_left_out.append(entry)
    return newly_left_out


def may_start(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether every lower rung of its ladder has ended, so that it is known whether this job is needed."""
    for other in entries:
        same_ladder = other.identity.ladder == entry.identity.ladder
        if same_ladder and _height(other) < _height(entry) and other.verdict in (WAITING, RUNNING):
            return False
    return True


def _settled(entry: Entry) -> bool:
    """Whether a rung is solved, or was left out because two below it are."""
    if entry.verdict == LEFT_OUT:
        return True
    return entry.verdict in HAS_RESULTS and entry.solved


def _ladders(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The jobs that differ in the number of samples alone, together, the fewest samples first."""
    ladders: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=_height):
        ladders.setdefault(entry.identity.ladder, []).append(entry)
    return list(ladders.values())


def _height(entry: Entry) -> float:
    """The number of samples; without one a job takes all rows, and stands on top."""
    return float("inf") if entry.samples is None else float(entry.samples)
