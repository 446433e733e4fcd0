"""The NLI rows that an encoder learnt before it was retrained."""

from __future__ import annotations

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.train.compose import init_config
from relsym.data.nli import NliData

# The whole set, whatever part of it the earlier run trained on or scored.
WHOLE = {"samples": None, "test_pairs": None, "score_on": "test"}


def nli_data(cfg: DictConfig) -> NliData | None:
    """The set in ``forgetting.folder``, else the one that the run in ``init`` was trained on, read; None where there is neither."""
    if OmegaConf.select(cfg, "forgetting.folder") is not None:
        module = cfg.forgetting.module
    elif cfg.init is None or not issubclass(get_class(init_config(cfg.init).data.module._target_), NliData):
        return None
    else:
        module = OmegaConf.merge(init_config(cfg.init).data.module, WHOLE)
    data: NliData = instantiate(module, _convert_="all")
    data.read()
    return data
