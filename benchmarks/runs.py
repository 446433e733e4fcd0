"""Runs of the command line from a benchmark: each in a process of its own, skipped if its results are there
already.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from relsym.runs.layout import RESULTS
from relsym.runs.results import AnyResults, read_results


def run_once(folder: Path, *overrides: str, task: str = "train") -> AnyResults:
    """``relsym train`` (or another task) into this folder, or the results that the same overrides already
    gave there.
    """
    results, stored = folder / RESULTS, folder / ".hydra" / "overrides.yaml"
    if results.exists() and set(OmegaConf.load(stored)) != {"tracking=csv", *overrides}:
        sys.exit(f"{folder} holds a run with other overrides; choose another --out, or delete it.")
    if not results.exists():
        command = [
            sys.executable,
            "-m",
            "relsym",
            task,
            "tracking=csv",
            *overrides,
            f"hydra.run.dir={folder}",
        ]
        print(" ".join(command[3:]), file=sys.stderr, flush=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return read_results(results)


def markdown(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
