"""Parameters of tests."""

from collections.abc import Iterable

import pytest


def first_fast(values: Iterable[object]) -> list:
    """Each as a parameter: the first is tried with the fast tests, the others with the marked ones.

    For tests that take seconds and go the same way whatever the value.
    """
    first, *others = values
    return [first, *(pytest.param(value, marks=pytest.mark.slow) for value in others)]
