"""The NLI rows that an encoder learnt before it was retrained."""

from __future__ import annotations

import msgspec
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.earlier_run import EarlierRun, run_in_init
from relsym.app.stored_components import build_component, find
from relsym.data.nli import NliData
from relsym.extras import refuse_missing_packages
from relsym.runs.layout import CONFIG
from relsym.visible import printable

# The whole set, whatever part of it the earlier run trained on or scored.
WHOLE_SET = {"samples": None, "test_pairs": None, "score_on": "test"}


def check_nli_packages(cfg: DictConfig) -> None:
    """Refuse NLI rows that need a package which is not installed (``nli_data``), before anything is read.

    Raises:
        ImportError: with the command that installs it.
    """
    if OmegaConf.select(cfg, "forgetting.folder") is not None:
        return  # files
    run = run_in_init(cfg)
    if run is None:
        return
    for component in run.config.components:
        if component.place.startswith("data."):
            refuse_missing_packages(find(component, run.trust, run.folder / CONFIG), component.values)


def nli_data(cfg: DictConfig) -> NliData | None:
    """The NLI rows that an encoder learnt before it was retrained, read.

    They are the set in ``forgetting.folder``, or else the one that the run in ``init`` was trained on; None
    where there is neither. Raises as ``open_run`` and ``nli_rows``.
    """
    if OmegaConf.select(cfg, "forgetting.folder") is None:
        run = run_in_init(cfg)
        return None if run is None else nli_rows(run)
    data: NliData = instantiate(cfg.forgetting.module, _convert_="all")
    data.read()
    return data


def nli_rows(run: EarlierRun) -> NliData | None:
    """The whole NLI set that a run was trained on, read; None if it was trained on other data.

    Raises:
        ValueError: the set is not there any more, or cannot be read.
    """
    file = run.folder / CONFIG
    if not issubclass(find(run.config.data, run.trust, file), NliData):
        return None
    values = {**run.config.data.values, **WHOLE_SET}
    module = msgspec.structs.replace(run.config.data, values=values)
    try:
        data: NliData = build_component(module, run.trust, file)
        data.read()
    except (ValueError, OSError) as error:
        reason = printable(str(error), 500)
        raise ValueError(
            f"{run.key}={run.name}: the NLI rows of that run cannot be read: {reason} Put them where they "
            "were, or pass forgetting=mnli forgetting.folder=PATH."
        ) from error
    return data
