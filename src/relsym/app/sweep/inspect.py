"""What has to be known about a sweep's jobs before the first one starts: that each can run, and what it is.

It loads torch, so a sweep calls it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from relsym.app.entry import describe
from relsym.app.sweep.plan import Known
from relsym.app.values.named_paths import noting_option
from relsym.runs.identity import digest, identity


class Inspected(NamedTuple):
    """What the jobs are, in order, and the number of GPUs of this machine.

    refused, reason: place of the first job that cannot run, and why; ``jobs`` then has those before it.
    """

    jobs: list[Known]
    gpus: int
    refused: int | None = None
    reason: str = ""


def inspect(configs: list[dict[str, Any]], here: bool, answer: Connection) -> None:
    """Check every job, hash it, and send an ``Inspected``.

    Models and benchmarks that several jobs share are read once.

    Args:
        configs: the configuration of each job, as ``storable`` gives it.
        here: whether the jobs run on this machine. Those that do not are not asked for its GPUs: they check
            those of their own.
        answer: where the one answer is sent.
    """
    # Here, since a sweep's own process imports this file and has to begin without torch.
    import torch

    from relsym.app.process import prepare_process
    from relsym.app.train.steps import check

    prepare_process()
    cache: dict[str, Any] = {}
    jobs: list[Known] = []
    for number, config in enumerate(configs):
        try:
            cfg = OmegaConf.create(config)
            with noting_option(cfg):
                check(cfg if here else _on_the_cpu(cfg))
                jobs.append(_facts(cfg, config, cache))
        except KeyboardInterrupt:
            raise
        # Whatever else went wrong is sent back, for the sweep to be refused with the words of that job. Code
        # of the user may even leave by sys.exit, and libraries in Rust have errors that are no Exception.
        except BaseException as error:
            answer.send(Inspected(jobs, 0, number, describe(error)))
            return
    answer.send(Inspected(jobs, torch.cuda.device_count()))


def _on_the_cpu(cfg: DictConfig) -> Any:
    """The configuration with the one accelerator that every machine has."""
    return OmegaConf.merge(cfg, {"hardware": {"accelerator": "cpu"}})


def _facts(cfg: DictConfig, config: Mapping[str, Any], cache: dict[str, Any]) -> Known:
    """What one job computes.

    Args:
        cfg, config: its configuration, as an object and as plain values.
        cache: what earlier jobs have read, by the hash of what it was read from.
    """
    from relsym.app.earlier_run import run_in_init

    # Resolved: two jobs may name two variables by the same words, through another key.
    resolved = OmegaConf.to_container(cfg, resolve=True)
    model = {key: resolved[key] for key in ("model", "init")}
    encoder = _once(cache, digest(model), lambda: _encoder(cfg, config))
    # Neither seed says anything about the benchmark: jobs that differ in them alone share what is read.
    data = {}
    for key, value in resolved["data"]["module"].items():
        if key not in ("seed", "sample_seed"):
            data[key] = value
    content, sides = _once(cache, digest(data), lambda: _data(cfg, data.get("benchmark"), cache))
    earlier = run_in_init(cfg)
    init = None if earlier is None else earlier.identity().cell_hash
    read = {**config, "model": encoder.model}
    return Known(identity(read, encoder.weights, content, sides, init), encoder.published)


class _Encoder(NamedTuple):
    """What a job's encoder is before training.

    weights: its hash.
    published: the hub id of its published weights.
    model: the model's settings, with what it was left to say itself.
    """

    weights: str
    published: str | None
    model: dict[str, Any]


def _encoder(cfg: DictConfig, config: Mapping[str, Any]) -> _Encoder:
    """Read the encoder of a job."""
    from relsym.app.read_as import read_as
    from relsym.app.train.compose import build_encoder

    encoder = build_encoder(cfg)
    published = encoder.source.get("published")
    return _Encoder(encoder.fingerprint(), published, read_as(config, encoder)["model"])


def _data(cfg: DictConfig, benchmark: Any, cache: dict[str, Any]) -> tuple[str, str | None]:
    """Draw the rows, so that a job that asks for too many is refused; return hash and sides of the benchmark.

    Args:
        benchmark: the part of the configuration that says which one it is: jobs that draw differently may
            share it.
    """
    data = instantiate(cfg.data.module, _convert_="all")
    if benchmark is not None:
        read = _once(cache, digest(benchmark), data.benchmark)
        data.benchmark = lambda: read
    data.read()
    return data.content_hash, data.sides


def _once(cache: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
    """What was made for the key before, or is made now."""
    if key not in cache:
        cache[key] = make()
    return cache[key]
