"""Frozen jobs for tests of engines: composed as ``relsym train`` would, each for a run of a second; and the loop that drives an engine."""

from __future__ import annotations

import time
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from relsym.app.sweep.engine import Ended, Engine, Job

SMALL = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.samples=8", "data.test_pairs=8")


def frozen_job(sweep: Path, number: int, *overrides: str) -> Job:
    """One job of a sweep in ``sweep``, its configuration on disk."""
    folder, frozen = sweep / str(number), sweep / "frozen" / f"{number}.yaml"
    frozen.parent.mkdir(parents=True, exist_ok=True)
    words = [*SMALL, *overrides, f"hydra.run.dir={folder}"]
    with initialize_config_module("relsym.conf", version_base="1.3"):
        cfg = compose("train", words, return_hydra_config=True)
        OmegaConf.set_readonly(cfg.hydra, False)
        OmegaConf.update(cfg, "hydra.job", {"num": number, "id": str(number)})
        OmegaConf.update(cfg, "hydra.runtime.output_dir", str(folder))
        OmegaConf.update(cfg, "hydra.mode", "RUN")
        HydraConfig.instance().set_config(cfg)
        OmegaConf.set_readonly(cfg.hydra, None)
        OmegaConf.resolve(cfg)
    OmegaConf.save(cfg, frozen)
    return Job(number, f"job-{number}", folder, frozen, cfg.hardware.accelerator, cfg.hardware.devices)


def broken_job(sweep: Path, number: int, death: str) -> Job:
    """A job whose process runs the expression ``death`` (say, ``os._exit(7)``) while it opens its tracking."""
    job = frozen_job(sweep, number)
    (sweep / "dies.py").write_text("import os, signal, time\ndef track(folder, death):\n    return eval(death)\n")
    cfg = OmegaConf.load(job.frozen)
    with open_dict(cfg):
        cfg.tracking = {"_target_": "dies.track", "death": death}
    OmegaConf.save(cfg, job.frozen)
    return job


def drive(engine: Engine, jobs: list[Job], limit_s: float = 150) -> dict[int, Ended]:
    """Run the jobs as a launcher would; how each ended."""
    waiting, ended, deadline = list(jobs), {}, time.monotonic() + limit_s
    while len(ended) < len(jobs):
        assert time.monotonic() < deadline, f"after {limit_s} s only {sorted(ended)} have ended"
        while waiting and engine.has_room(waiting[0]):
            engine.start(waiting.pop(0))
        ended |= {end.job.number: end for end in engine.wait()}
    return ended
