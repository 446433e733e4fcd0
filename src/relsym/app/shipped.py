"""The run that relsym comes with: an encoder that can be asked without a training."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from relsym.encoders.bundled import MINILM_DISTRIBUTION, MINILM_PACKAGE
from relsym.extras import Need, install_line

SHIPPED_FOLDER = Path(__file__).parent.parent / "shipped"
# What training changed of another encoder: without that one it is nothing.
CHANGES = Need(
    "the encoder that relsym comes with", MINILM_PACKAGE, MINILM_DISTRIBUTION, install_line("bundled")
)


def shipped_run() -> str:
    """The folder of the run that relsym comes with.

    Raises:
        ImportError: the package with the encoder that it changed is not installed.
    """
    CHANGES.refuse_if_missing()
    return str(SHIPPED_FOLDER)


def check_asked(cfg: DictConfig) -> None:
    """Refuse what cannot be asked of relsym's own run, where no other one is named.

    Raises:
        ImportError: see ``shipped_run``.
        ValueError: packages or code are trusted, which it has none of.
    """
    if cfg.model.folder is not None:
        return
    shipped_run()
    if cfg.model.trust_remote_code or len(cfg.trust) > 0:
        raise ValueError("code is trusted only in a run that is named: pass model.folder=RUN.")
