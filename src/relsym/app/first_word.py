"""The first word of a command with several actions, which Hydra gets as an option."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def take_action(command: str, actions: Sequence[str]) -> None:
    """Make an option of the first word: ``relsym index build`` becomes ``action=build``.

    Raises:
        ValueError: the first word is no action.
    """
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first in actions:
        sys.argv[1] = f"action={first}"
    elif not first.startswith("-"):  # of --help, --cfg and completion Hydra takes care
        raise ValueError(
            f"relsym {command} {first}: expected {', '.join(actions)} as the first word. See relsym "
            f"{command} --help."
        )
