"""What a person sees of a sweep as it goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from statistics import mean

from relsym.runs.results import TrainResults
from relsym.runs.sweeps import DONE, FAILED, HAS_RESULTS, LEFT_OUT, REPEATED, RUNNING, WAITING, Entry

SAYING = {
    DONE: "done",
    FAILED: "FAILED",
    LEFT_OUT: "left out (solved below)",
    REPEATED: "is in the list already",
}


class Watch:
    """Prints each job, its folder, its verdict and the time left."""

    def __init__(self, entries: Sequence[Entry], slots: int) -> None:
        self.entries, self.slots = entries, slots
        self._took: dict[int, float] = {}
        self._started: dict[int, float] = {}

    def started(self, entry: Entry, folder: str) -> None:
        """A job starts."""
        self._started[entry.number] = time.monotonic()
        say(f"{self._place(entry)} started   {entry.name}   {folder}")

    def ended(self, entry: Entry, results: TrainResults | None) -> None:
        """A job has ended."""
        entry.seconds = self._took[entry.number] = time.monotonic() - self._started[entry.number]
        told = accuracies(results) if results is not None else entry.error or ""
        left = f", about {in_words(self.left())} left" if self.left() else ""
        say(
            f"{self._place(entry)} {SAYING[entry.verdict]:9} {entry.name}   {told}   "
            f"{in_words(entry.seconds)}{left}"
        )

    def left(self) -> float:
        """Seconds left, from the jobs that have ended: of the same sample count where there are any."""
        if not self._took:
            return 0.0
        took = {
            entry.number: (entry.samples, self._took[entry.number])
            for entry in self.entries
            if entry.number in self._took
        }
        overall = mean(self._took.values())

        def guess(entry: Entry) -> float:
            return mean(
                [seconds for samples, seconds in took.values() if samples == entry.samples] or [overall]
            )

        waiting = sum(guess(entry) for entry in self.entries if entry.verdict == WAITING)
        running = sum(
            max(guess(entry) - (time.monotonic() - self._started[entry.number]), 0.0)
            for entry in self.entries
            if entry.verdict == RUNNING
        )
        return (waiting + running) / self.slots

    def _place(self, entry: Entry) -> str:
        width = len(str(len(self.entries)))
        over = sum(other.verdict not in (WAITING, RUNNING) for other in self.entries)
        return f"[{over:{width}}/{len(self.entries)}]"


def say(text: str) -> None:
    """One line at once, even into a pipe."""
    print(text, flush=True)


def accuracies(results: TrainResults) -> str:
    """``99.95 / 100.00``: the accuracies of all forms in per cent."""
    return " / ".join(f"{100 * accuracy:.2f}" for accuracy in results.accuracies())


def in_words(seconds: float) -> str:
    """``4.5 s``, ``45 s``, ``12 min``, ``3.2 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def print_summary(entries: Sequence[Entry], folder: str) -> None:
    """How many jobs ended how, and what failed."""
    counts = Counter(entry.verdict for entry in entries)
    say(
        f"Sweep {folder}: "
        + ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts.items())
    )
    if any(counts[verdict] for verdict in HAS_RESULTS):
        say(f"Tables and figures: relsym report inputs={folder}")
