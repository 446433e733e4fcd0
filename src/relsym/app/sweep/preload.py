"""What the fork server of a sweep imports, so that no job has to.

An import that fails here, for want of memory say, fails again in the process that needs it, where it can be
told: here it would be a traceback from a process that nobody waits for.
"""

import sys
from contextlib import suppress
from types import TracebackType

from relsym.app.limits import shortage


def _say_nothing_of_shortages(
    kind: type[BaseException], error: BaseException, place: TracebackType | None
) -> None:
    """Print a traceback, but of a fork that there was no memory for: the sweep itself tells of its death."""
    if shortage(error) is None:
        sys.__excepthook__(kind, error, place)


sys.excepthook = _say_nothing_of_shortages
# Everything that a module may raise while it is imported.
with suppress(Exception):
    import relsym.app.train.steps
with suppress(Exception):
    import relsym.app.sweep.inspect
    import relsym.app.sweep.job  # noqa: F401
