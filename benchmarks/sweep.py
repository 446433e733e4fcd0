"""What a job of a sweep costs beyond its work: 20 jobs with model=tiny, one step and 8 test rows, wall time
divided by 20.

    python benchmarks/sweep.py [--jobs 20] [--trackers csv wandb]

Side by side, in turn: each job started as a command of its own (`relsym train`, the same isolation), and one
sweep (`relsym train -m`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUICK = ("model=tiny", "training.max_steps=1", "data.samples=8", "data.test_pairs=8")


def seconds(folder: Path, *words: str) -> float:
    """Wall time of a command."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "relsym", "train", *words, *QUICK],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "WANDB_MODE": "offline"},
    )
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--trackers", nargs="+", default=["csv", "wandb"])
    options = parser.parse_args()
    print("| tracking | a command each, s/job | a sweep, s/job | ratio |\n| --- | --- | --- | --- |")
    for tracker in options.trackers:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            apart = [
                seconds(folder, f"tracking={tracker}", f"seed={seed}") for seed in range(options.jobs // 4)
            ]
            swept = (
                seconds(folder, "-m", f"tracking={tracker}", f"seed=range(0,{options.jobs})") / options.jobs
            )
            apart += [
                seconds(folder, f"tracking={tracker}", f"seed={seed}") for seed in range(options.jobs // 4)
            ]
            assert len(list(folder.rglob("results.json"))) == options.jobs + len(apart)
        alone = sum(apart) / len(apart)
        print(
            f"| {tracker} | {alone:.2f} ({len(apart)} jobs) | {swept:.2f} ({options.jobs} jobs) | "
            f"{swept / alone:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
