"""``relsym predict``: answer pairs of one's own with a finished run."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.texts_behind_dashes import texts_behind_dashes
from relsym.app.values.checks import check_composed
from relsym.uncollected import uncollected


def command() -> None:
    """Hand the options of the command line to Hydra, and keep the texts behind ``--`` from it."""
    sys.argv[1:], pair = texts_behind_dashes(sys.argv[1:])

    @hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="predict")
    @guarded
    def answer(cfg: DictConfig) -> None:
        check_composed(cfg, "predict")
        # Imported here: wrong options are refused before torch is loaded.
        with uncollected():
            from relsym.app.predict import steps
            from relsym.app.process import prepare_process

        steps.check(cfg, pair)
        prepare_process()
        if pair is None:
            steps.answer_table(cfg)
        else:
            steps.answer_pair(cfg, *pair)

    answer()


if __name__ == "__main__":
    run(command)
