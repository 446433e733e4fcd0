"""The job list of a sweep, as ``sweep.json`` tells it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SWEEP, FORMAT = "sweep.json", 1
LEFT_OUT = "left_out"
FINISHED = ("done", "reused", "repeated")


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    folder: the sweep's.  setting: what jobs share that differ in samples and seed alone.
    results: the path of its ``results.json``, whether it is there or not.  verdict: waiting, running, done, reused, repeated, failed,
    or left_out (the sweep was told to stop when solved, and was below this number of samples).
    """

    sweep: str
    folder: Path
    name: str
    setting: tuple[str, ...]
    choices: dict[str, Any]
    samples: int | None
    seed: int
    job_hash: str | None
    verdict: str
    error: str | None
    results: Path


def read_sweeps(folders: Iterable[Path]) -> list[Job]:
    """The jobs of every ``sweep.json`` below the folders.

    Raises:
        ValueError: one is not JSON, of another format, or lacks what a job has to have.
    """
    paths = sorted({path.resolve() for folder in folders for path in folder.rglob(SWEEP)})
    return [job for path in paths for job in _jobs(path)]


def unfinished(jobs: Iterable[Job]) -> str:
    """``3 waiting, 1 failed``: the jobs that have no results and should, counted by verdict; empty if there are none."""
    counts = Counter(job.verdict for job in jobs if job.verdict != LEFT_OUT and not job.results.exists())
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def _jobs(path: Path) -> list[Job]:
    try:
        sweep = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}). Delete it and give the sweep's command again.") from error
    if not isinstance(sweep, dict) or sweep.get("format") != FORMAT:
        came = sweep.get("format") if isinstance(sweep, dict) else type(sweep).__name__
        raise ValueError(f"{path}: format {came!r}, not {FORMAT}: written by another version. Read it with that version, or leave it out.")
    try:
        return [_job(path.parent, sweep["name"], job) for job in sweep["jobs"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: a job lacks {error}: written by another version, or damaged. Give the sweep's command again.") from error


def _job(folder: Path, sweep: str, job: dict[str, Any]) -> Job:
    setting = tuple(sorted(word for word in job["overrides"] if not word.startswith(("data.samples=", "seed="))))
    results = (folder / job["folder"]).resolve() / "results.json"
    return Job(sweep, folder, job["name"], setting, job["choices"], job["samples"], job["seed"], job.get("job_hash"), job["verdict"],
               job.get("error"), results)
