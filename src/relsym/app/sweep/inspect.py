"""What has to be known of a sweep's jobs before the first one starts: that each can run, and what it is.

Loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.entry import describe
from relsym.app.sweep.plan import Known
from relsym.runs.identity import digest, identity


class Inspected(NamedTuple):
    """What the jobs are, in order, and the number of GPUs; or the first job that cannot run, and why."""

    jobs: list[Known]
    gpus: int
    refused: int | None = None
    reason: str = ""


def inspect(configs: list[dict[str, Any]], here: bool, answer: Connection) -> None:
    """Check every job and hash it; models and benchmarks that several jobs share are read once.

    Jobs that do not run here are not asked for this machine's GPUs: they check those of their own.
    """
    import torch

    from relsym.app.process import prepare_process
    from relsym.app.train.steps import check

    prepare_process()
    known: dict[str, Any] = {}
    jobs: list[Known] = []
    for number, config in enumerate(configs):
        try:
            cfg = OmegaConf.create(config)
            check(cfg if here else OmegaConf.merge(cfg, {"hardware": {"accelerator": "cpu"}}))
            jobs.append(_known(cfg, config, known))
        except Exception as error:  # reported by the launcher, which refuses the sweep
            answer.send(Inspected(jobs, 0, number, describe(error)))
            return
    answer.send(Inspected(jobs, torch.cuda.device_count()))


def _known(cfg: DictConfig, config: Mapping[str, Any], known: dict[str, Any]) -> Known:
    from relsym.app.earlier_run import run_in_init

    model = {key: config[key] for key in ("model", "init")}
    weights, published = _once(known, digest(model), lambda: _weights(cfg))
    drawn = {
        key: value for key, value in config["data"]["module"].items() if key not in ("seed", "sample_seed")
    }
    content, sides = _once(known, digest(drawn), lambda: _data(cfg, drawn.get("benchmark"), known))
    earlier = run_in_init(cfg)
    init = None if earlier is None else earlier.identity().cell_hash
    return Known(identity(config, weights, content, sides, init), published)


def _weights(cfg: DictConfig) -> tuple[str, str | None]:
    """Hash of the encoder before training, and the hub id of its published weights."""
    from relsym.app.train.compose import build_encoder

    encoder = build_encoder(cfg)
    return encoder.fingerprint(), encoder.source.get("published")


def _data(cfg: DictConfig, benchmark: Any, known: dict[str, Any]) -> tuple[str, str | None]:
    """Draw the rows, so that a job that asks for too many is refused; its benchmark may have been read for
    another job.
    """
    data = instantiate(cfg.data.module, _convert_="all")
    if benchmark is not None:
        read = _once(known, digest(benchmark), data.benchmark)
        data.benchmark = lambda: read
    data.read()
    return data.content_hash, data.sides


def _once(known: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
    if key not in known:
        known[key] = make()
    return known[key]
