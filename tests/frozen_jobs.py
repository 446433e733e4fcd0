"""Frozen jobs for tests of engines, each for a run of a second, and the loop that drives an engine as a sweep
does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import yaml
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf, open_dict

from relsym.app.sweep.engine import Ended, Engine, FrozenJob

SMALL = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.samples=8", "data.test_pairs=8")
# A tracking option that runs an expression in the job's process: ``os._exit(7)``, or ``time.sleep(5) or
# csv(folder)``.
TRACKING = (
    "import os, time\n\nfrom relsym.app.tracking.tracker import csv\n\n\ndef track(folder, act):\n    "
    "return eval(act)\n"
)


def trained(folder: Path, *overrides: str) -> Path:
    """A finished run of a second in a folder, by a process of its own."""
    command = [sys.executable, "-m", "relsym", "train", *SMALL, *overrides, f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def frozen_job(sweep: Path, number: int, *overrides: str, act: str | None = None) -> FrozenJob:
    """One job of a sweep in ``sweep``, with its configuration on disk; ``act`` is evaluated where its
    tracking would start.
    """
    folder, frozen = sweep / str(number), sweep / "frozen" / f"{number}.yaml"
    with initialize_config_module("relsym.conf", version_base="1.3"):
        composed = compose("train", [*SMALL, *overrides], return_hydra_config=True)
    with open_dict(composed):
        hydra = composed.pop("hydra")
    config = OmegaConf.to_container(composed, resolve=True)
    config["hydra"] = {
        "mode": "RUN",
        "run": {"dir": str(folder)},
        "verbose": False,
        "output_subdir": None,
        "job": {"name": "train", "num": number, "chdir": False},
        "overrides": {"task": list(overrides)},
        "job_logging": {"version": 1, "root": {"level": "INFO"}, "disable_existing_loggers": False},
        "runtime": {
            "output_dir": str(folder),
            "cwd": os.getcwd(),
            "version": hydra.runtime.version,
            "choices": dict(hydra.runtime.choices),
        },
    }
    frozen.parent.mkdir(parents=True, exist_ok=True)
    if act is not None:
        config["tracking"] = {"_target_": "acts.track", "act": act}
        (sweep / "acts.py").write_text(TRACKING)
    frozen.write_text(yaml.safe_dump(config))
    return FrozenJob(
        number, f"job-{number}", folder, frozen, composed.hardware.accelerator, composed.hardware.devices
    )


def drive(engine: Engine, jobs: list[FrozenJob], limit_s: float = 300) -> dict[int, Ended]:
    """Run the jobs; how each ended, by number."""
    waiting, ended, deadline = list(jobs), {}, time.monotonic() + limit_s
    while len(ended) < len(jobs):
        assert time.monotonic() < deadline, f"after {limit_s} s only {sorted(ended)} have ended"
        while waiting and engine.has_room(waiting[0]):
            engine.start(waiting.pop(0))
        ended |= {end.job.number: end for end in engine.wait()}
    return ended


def finished(jobs: list[FrozenJob]) -> list[int]:
    """The numbers of the jobs that have results."""
    return [job.number for job in jobs if (job.folder / "results.json").exists()]
