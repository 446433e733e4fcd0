"""Progress bars with the time left, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from relsym.visible import visible
from relsym.visible_console import VisibleConsole


def bar(unit: str = "steps") -> Progress:
    """An unstarted bar that counts ``steps`` or ``bytes``."""
    # On standard error, so that what a command prints can be piped.
    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        amount,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=VisibleConsole(stderr=True),
    )


@contextmanager
def progress(
    description: str, total: int | None, unit: str = "steps"
) -> Iterator[Callable[[int | float], None]]:
    """A running bar; yields the function that advances it by a count, or by a part of one.

    Args:
        description: stands before the bar.
        total: of steps or bytes; None where it is not known.
        unit: "steps" or "bytes".
    """
    with bar(unit) as running:
        task = running.add_task(visible(description), total=total)

        def advance(count: int | float) -> None:
            running.advance(task, count)

        yield advance
