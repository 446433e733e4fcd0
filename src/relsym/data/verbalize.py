"""Triple -> sentence."""

from __future__ import annotations


def verbalize(template: str, subject: str, object: str) -> str:
    """Fill [X] with the subject's and [Y] with the object's name.

    The two are filled in one pass, so a name that itself contains ``[Y]`` stays as it is. Lexicalised sentences take labels,
    delexicalised ones take ids.
    """
    before_x, after_x = template.split("[X]")
    if "[Y]" in before_x:
        start, middle = before_x.split("[Y]")
        return f"{start}{object}{middle}{subject}{after_x}"
    middle, end = after_x.split("[Y]")
    return f"{before_x}{subject}{middle}{object}{end}"
