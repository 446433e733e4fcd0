"""Names of measures, for those who write results and those who read them."""

from __future__ import annotations


def measure_of(reader: str, measure: str) -> str:
    """The key of another measure: ``test/accuracy`` -> ``test/groups``, ``shortcut/majority`` -> ``shortcut/majority_groups``."""
    if measure == "accuracy":
        return reader
    return reader.replace("/accuracy", f"/{measure}") if reader.endswith("/accuracy") else f"{reader}_{measure}"
