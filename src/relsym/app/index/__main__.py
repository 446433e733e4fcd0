"""``relsym index``: build an index of statements, add to it, ask it."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.first_word import take_action
from relsym.app.texts_behind_dashes import texts_behind_dashes
from relsym.app.values.checks import check_composed
from relsym.uncollected import uncollected

ACTIONS = ("build", "add", "query")


def command() -> None:
    """Hand the options of the command line to Hydra, and keep the texts behind ``--`` from it.

    Raises:
        ValueError: the first word is no action.
    """
    sys.argv[1:], texts = texts_behind_dashes(sys.argv[1:])
    take_action("index", ACTIONS)

    @hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="index")
    @guarded
    def answer(cfg: DictConfig) -> None:
        check_composed(cfg, "index")
        # Imported here: wrong options are refused before torch is loaded.
        with uncollected():
            from relsym.app.index import steps
            from relsym.app.process import prepare_process

        steps.check(cfg, texts)
        prepare_process()
        steps.act(cfg, texts)

    answer()


if __name__ == "__main__":
    run(command)
