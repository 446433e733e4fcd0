"""Which characters of a text are not for showing, and what stands for them where it is shown.

Names come from data, from folders and from servers, and may hold anything. A control character moves a
terminal's cursor or changes its title, a mark of direction turns the letters behind it round, and half a pair
of surrogates cannot be written at all. Wherever people read a text (a terminal, a log, a message, a report)
these stand as they would in a Python string: ``\\x1b``, ``\\u202e``. Every other letter, sign and joiner of
any script stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LINE_ENDS = "\u2028\u2029"  # beside those among the controls
# Byte order marks in the middle of a text, marks of annotations, and what was meant to shape digits.
_INVISIBLE = "\ufeff\ufff9-\ufffb\u206a-\u206f"
_SURROGATES = "\ud800-\udfff"
UNSAFE = re.compile(f"[{_CONTROLS}{_DIRECTIONS}{_LINE_ENDS}{_INVISIBLE}{_SURROGATES}]")
LONGEST_SHOWN = 80  # characters of a text that a message quotes
# Characters that may stay where a text may have several lines.
_KEPT_IN_LINES = "\n\t"


def visible(text: str, lines: bool = False) -> str:
    """A text with an escape in place of every character that is not for showing.

    Args:
        text: from anywhere.
        lines: line feeds and tabs stay; else they are escaped too, so that the text is one line.
    """
    return UNSAFE.sub(_escaped_in_lines if lines else _escaped, text)


def printable(text: str, most: int = LONGEST_SHOWN) -> str:
    """A text on one line, ``visible`` and not longer than a line, for a message that quotes it.

    Args:
        text: of any length and content.
        most: characters that are shown.
    """
    escaped = visible(text[: most + 1])  # one more than is shown, which tells whether there are more
    return escaped if len(escaped) <= most else f"{escaped[: most - 3]}..."


def visible_values(content: Any) -> Any:
    """Plain values, nested to any depth, with ``visible(text, lines=True)`` for every text in them."""
    if isinstance(content, str):
        return visible(content, lines=True)
    if isinstance(content, Mapping):
        return {visible_values(key): visible_values(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [visible_values(value) for value in content]
    return content


def _escaped(match: re.Match[str]) -> str:
    """The escape of one character."""
    return repr(match[0])[1:-1]


def _escaped_in_lines(match: re.Match[str]) -> str:
    """As ``_escaped``, without line feeds and tabs."""
    return match[0] if match[0] in _KEPT_IN_LINES else _escaped(match)
