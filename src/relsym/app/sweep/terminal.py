"""What a person sees of a sweep as it goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from statistics import mean

from relsym.runs.results import TrainResults
from relsym.runs.sweeps import DONE, FAILED, HAS_RESULTS, LEFT_OUT, REPEATED, RUNNING, WAITING, Entry
from relsym.visible import visible

# What a line says of a job that has ended.
SAYING = {
    DONE: "done",
    FAILED: "FAILED",
    LEFT_OUT: "left out (solved below)",
    REPEATED: "is in the list already",
}


class Watch:
    """Prints a line for each job that starts or ends, with the time left.

    slots: how many jobs have run at once so far, at most; the time left is divided by it.
    """

    def __init__(self, entries: Sequence[Entry], slots: int) -> None:
        self.entries, self.slots = entries, slots
        self._took: dict[int, float] = {}
        self._started: dict[int, float] = {}

    def started(self, entry: Entry, folder: str) -> None:
        """Say that a job starts, and in which folder."""
        self._started[entry.number] = time.monotonic()
        say(f"{self._place(entry)} started   {entry.name}   {folder}")

    def ended(self, entry: Entry, results: TrainResults | None) -> None:
        """Say how a job has ended: its accuracies or its error, its time, and the time left."""
        entry.seconds = self._elapsed(entry)
        self._took[entry.number] = entry.seconds
        outcome = entry.error or ""
        if results is not None:
            outcome = accuracies(results)
        seconds_left = self.left()
        time_left = f", about {in_words(seconds_left)} left" if seconds_left else ""
        verdict = SAYING[entry.verdict]
        seconds = in_words(entry.seconds)
        say(f"{self._place(entry)} {verdict:9} {entry.name}   {outcome}   {seconds}{time_left}")

    def left(self) -> float:
        """Seconds left, judged by the jobs that have ended; 0 before the first one has."""
        if not self._took:
            return 0.0
        waiting, running = [], []
        for entry in self.entries:
            if entry.verdict == WAITING:
                waiting.append(self._expected(entry))
            elif entry.verdict == RUNNING:
                rest = self._expected(entry) - self._elapsed(entry)
                running.append(max(rest, 0.0))  # it may take longer than expected
        return (sum(waiting) + sum(running)) / self.slots

    def _expected(self, entry: Entry) -> float:
        """Seconds that a job may take: the mean over those of the same sample count, without any over all."""
        # More samples take longer, so that the others say little about this one.
        similar = []
        for other in self.entries:
            if other.number in self._took and other.samples == entry.samples:
                similar.append(self._took[other.number])
        return mean(similar or self._took.values())

    def _elapsed(self, entry: Entry) -> float:
        """Seconds since a job started."""
        return time.monotonic() - self._started[entry.number]

    def _place(self, entry: Entry) -> str:
        """``[ 3/12]``: how many jobs are over, of all."""
        number = len(self.entries)
        width = len(str(number))
        over = sum(other.verdict not in (WAITING, RUNNING) for other in self.entries)
        return f"[{over:{width}}/{number}]"


def say(text: str) -> None:
    """Print a line without delay, even into a pipe."""
    print(visible(text, lines=True), flush=True)


def accuracies(results: TrainResults) -> str:
    """``99.95 / 100.00``: the accuracies of all forms in per cent."""
    percentages = [f"{100 * accuracy:.2f}" for accuracy in results.accuracies()]
    return " / ".join(percentages)


def in_words(seconds: float) -> str:
    """A time as people say it: ``4.5 s``, ``45 s``, ``12 min``, ``3.2 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def print_summary(entries: Sequence[Entry], folder: str) -> None:
    """Say how many jobs ended with each verdict, and how to get the tables if any has results."""
    counts = Counter(entry.verdict for entry in entries)
    parts = []
    for verdict, count in counts.items():
        words = verdict.replace("_", " ")
        parts.append(f"{count} {words}")
    say(f"Sweep {folder}: {', '.join(parts)}")
    if any(counts[verdict] for verdict in HAS_RESULTS):
        say(f"Tables and figures: relsym report inputs={folder}")
