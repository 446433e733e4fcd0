"""``relsym check``: statements -> what contradicts and what is missing."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed

FINDINGS_CODE, ERROR_CODE = 1, 2  # exit codes, beside 0


def command() -> None:
    """Check, and leave with exit code 1 where something was found."""
    numbers: list[int] = []

    @hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="check")
    @guarded
    def look(cfg: DictConfig) -> None:
        check_composed(cfg, "check")
        # Imported here: wrong options are refused before anything heavy is loaded.
        from relsym.app.check import steps

        numbers.append(steps.check(cfg))

    look()
    if any(numbers):
        sys.exit(FINDINGS_CODE)


if __name__ == "__main__":
    run(command, failed=ERROR_CODE)
