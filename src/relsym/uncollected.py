"""Importing and loading much at once without looking for garbage all the while."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection.

    While torch, transformers and a model are loaded it would run some hundred times, and find next to
    nothing: a sixth of the time.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:  # else somebody has frozen objects, which are to stay so
            # Both together: all that is there counts as old, and is looked through seldom, not at once.
            gc.freeze()
            gc.unfreeze()
        if collected:
            gc.enable()
