"""What has to be known of a sweep's jobs before the first one starts: that each can run, and what it is. Loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.entry import describe
from relsym.app.identity import Identity, digest, identity


class Inspected(NamedTuple):
    """The jobs' identities, in order, and the number of GPUs; or the first job that cannot run, and why."""

    identities: list[Identity]
    gpus: int
    refused: int | None = None
    reason: str = ""


def inspect(configs: list[dict[str, Any]], answer: Connection) -> None:
    """Check every job and hash it; models and benchmarks that several jobs share are read once."""
    import torch

    from relsym.app.training import check

    known: dict[str, Any] = {}
    identities: list[Identity] = []
    for number, config in enumerate(configs):
        try:
            cfg = OmegaConf.create(config)
            check(cfg)
            identities.append(_identity(cfg, config, known))
        except Exception as error:  # reported by the launcher, which refuses the sweep
            answer.send(Inspected(identities, 0, number, describe(error)))
            return
    answer.send(Inspected(identities, torch.cuda.device_count()))


def _identity(cfg: DictConfig, config: Mapping[str, Any], known: dict[str, Any]) -> Identity:
    from relsym.app.compose import build_encoder
    from relsym.app.provenance import weights_hash
    from relsym.app.record import earlier_run

    model, module = {key: config[key] for key in ("model", "init")}, config["data"]["module"]
    place = {key: module[key] for key in ("_target_", "benchmark", "folder", "train", "test") if key in module}
    weights = _once(known, digest(model), lambda: weights_hash(build_encoder(cfg)))
    content, sides = _once(known, digest([place, config["data"].get("split_seed")]), lambda: _benchmark(cfg))
    return identity(config, weights, content, sides, None if cfg.init is None else earlier_run(cfg.init)["cell_hash"])


def _benchmark(cfg: DictConfig) -> tuple[str, str | None]:
    data = instantiate(cfg.data.module, _convert_="all")
    data.read()
    return data.content_hash, data.sides


def _once(known: dict[str, Any], key: str, make: Any) -> Any:
    if key not in known:
        known[key] = make()
    return known[key]
