"""Texts on the command line, which stand behind ``--`` so that Hydra takes none for an override."""

from __future__ import annotations

DASHES = "--"


def texts_behind_dashes(words: list[str]) -> tuple[list[str], list[str] | None]:
    """The options of a command line, and the texts behind ``--``; None where there are no dashes."""
    if DASHES not in words:
        return words, None
    place = words.index(DASHES)
    return words[:place], words[place + 1 :]
