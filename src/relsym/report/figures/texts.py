"""Names from data in a figure: shown as they are, whatever Matplotlib would read in them."""

from __future__ import annotations

from matplotlib import rc_context

from relsym.visible import visible

# Decorates what makes a figure: a dollar sign in a text begins no formula there.
plain_texts = rc_context({"text.parse_math": False})


def figure_text(text: str) -> str:
    """A text from data for a title, an axis or a legend, on one line."""
    shown = visible(text)
    # Matplotlib leaves out of a legend what begins with an underscore.
    return f" {shown}" if shown.startswith("_") else shown
