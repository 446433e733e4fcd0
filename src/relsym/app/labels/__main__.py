"""``relsym labels``: add labels to a finished run, list them, take them away."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.first_word import take_action
from relsym.app.values.checks import check_composed
from relsym.uncollected import uncollected

LABEL_ACTIONS = ("add", "list", "remove")


def command() -> None:
    """Take the first word as the action, and hand the options to Hydra.

    Raises:
        ValueError: the first word is no action.
    """
    take_action("labels", LABEL_ACTIONS)

    @hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="labels")
    @guarded
    def act(cfg: DictConfig) -> None:
        check_composed(cfg, "labels")
        # Imported here: wrong options are refused before torch is loaded.
        with uncollected():
            from relsym.app.labels import steps
            from relsym.app.process import prepare_process

        steps.check(cfg)
        prepare_process()
        steps.act_on_labels(cfg)

    act()


if __name__ == "__main__":
    run(command)
