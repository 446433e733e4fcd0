"""The NLI rows that the encoder knew before this run."""

from __future__ import annotations

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.compose import init_config
from relsym.data.nli import NliData


def nli_data(cfg: DictConfig) -> NliData | None:
    """The data of the run in ``init``, read, from where it lay then or from ``forgetting.folder``; None if that was no NLI data."""
    if cfg.init is None:
        return None
    module = init_config(cfg.init).data.module
    target = get_class(module._target_)
    if not issubclass(target, NliData):
        return None
    moved = OmegaConf.select(cfg, "forgetting.folder")
    data: NliData = instantiate(module, **({"folder": moved} if moved is not None else {}), _convert_="all")
    data.read()
    return data
