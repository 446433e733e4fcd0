"""``relsym labels``: add labels to a finished run, list them, take them away."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed
from relsym.uncollected import uncollected

LABEL_ACTIONS = ("add", "list", "remove")


def command() -> None:
    """Take the first word as the action, and hand the options to Hydra.

    Raises:
        ValueError: the first word is no action.
    """
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first in LABEL_ACTIONS:
        sys.argv[1] = f"action={first}"
    elif not first.startswith("-"):  # of --help, --cfg and completion Hydra takes care
        raise ValueError(
            f"relsym labels {first}: expected {', '.join(LABEL_ACTIONS)} as the first word. See relsym "
            "labels --help."
        )

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
