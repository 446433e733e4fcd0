"""A terminal on which every text is shown as text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from relsym.visible import visible


class VisibleConsole(Console):
    """A console that reads no markup and no emoji in texts, and shows control characters as escapes.

    Everything that is printed is covered: cells, titles and notes of tables become text here too.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """See ``rich.console.Console``."""
        return super().render_str(visible(text, lines=True), **options)
