"""The run that relsym comes with: an encoder that can be asked without a training."""

from __future__ import annotations

from pathlib import Path

from relsym.encoders.bundled import MINILM_DISTRIBUTION, MINILM_PACKAGE
from relsym.extras import Need, install_line

SHIPPED_FOLDER = Path(__file__).parent.parent / "shipped"
# What training changed of another encoder: without that one it is nothing.
CHANGES = Need(
    "the encoder that relsym comes with", MINILM_PACKAGE, MINILM_DISTRIBUTION, install_line("bundled")
)


def asked_run(folder: object) -> str:
    """The run that is asked: the one that is named, else the one that relsym comes with.

    Args:
        folder: as an option has it; None where none is named.

    Raises:
        ImportError: none is named, and the package with the encoder that relsym's own changed is missing.
    """
    if folder is not None:
        return str(folder)
    CHANGES.refuse_if_missing()
    return str(SHIPPED_FOLDER)
