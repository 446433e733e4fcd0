"""Folders -> finished runs, each read once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from relsym.runs.sweeps import Job, read_sweeps, unfinished

# What tables and figures need; a run without one of them was written by another version.
NEEDED = ("benchmark", "sides", "fold", "rows_hash", "kinds", "metrics", "intervals", "rows", "score_on", "choices", "model", "init",
          "seed", "sample_seed", "precision", "benchmark_hash", "config_hash", "git_commit", "versions")
NEEDED_OF = {"train": ("setting_hashes",), "evaluate": ("kind", "reading", "readings", "reliability", "clusters", "unscored")}


class Collected(NamedTuple):
    """Finished trainings and evaluations (``results.json`` and its ``path``), and the jobs that sweeps below the same folders list."""

    runs: list[dict[str, Any]]
    jobs: list[Job]
    evaluations: list[dict[str, Any]]

    @property
    def all(self) -> list[dict[str, Any]]:
        """Trainings first."""
        return [*self.runs, *self.evaluations]


def collect(inputs: Iterable[str | Path]) -> Collected:
    """Every run below the folders, and those in other sweeps that a sweep below them reused.

    Raises:
        FileNotFoundError: a folder is not there, or no run has finished.
        ValueError: a result is damaged or of another version, or two runs are one job with different results.
    """
    folders = [Path(folder).expanduser() for folder in inputs]
    if absent := [str(folder) for folder in folders if not folder.is_dir()]:
        raise FileNotFoundError(f"inputs: {', '.join(absent)}: no such folder. Pass inputs=FOLDER[,FOLDER] of finished runs.")
    jobs = read_sweeps(folders)
    found = {path.resolve() for folder in folders for path in folder.rglob("results.json")}
    paths = sorted(found | {job.results for job in jobs if job.results.exists()})
    if not paths:
        left = unfinished(jobs)
        listed = f"; a sweep there lists unfinished jobs: {left}. Give its command again to run them" if left else ""
        raise FileNotFoundError(f"inputs={','.join(map(str, inputs))}: no results.json below, so no run has finished{listed}. "
                                "Pass inputs=FOLDER[,FOLDER] of finished runs.")
    runs = [_read(path) for path in paths]
    _check_jobs(runs)
    by_task = {task: [run for run in runs if run["task"] == task] for task in NEEDED_OF}
    return Collected(by_task["train"], jobs, once(by_task["evaluate"]))


def once(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each evaluation once, wherever it was run."""
    return list({run["job_hash"]: run for run in reversed(runs)}.values())[::-1]


def _read(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}). Delete it and run that job again.") from error
    if not isinstance(results, dict) or results.get("task") not in NEEDED_OF:
        raise ValueError(f"{path}: not the results of relsym train or evaluate. Pass inputs=FOLDER of their runs alone.")
    if missing := [key for key in (*NEEDED, *NEEDED_OF[results["task"]]) if key not in results]:
        raise ValueError(f"{path}: no {', '.join(missing)}: written by another version. Run that job again, or leave it out.")
    return {**results, "path": str(path)}


def _check_jobs(runs: list[dict[str, Any]]) -> None:
    """One job has one result, wherever it was run."""
    first: dict[str, dict[str, Any]] = {}
    for run in runs:
        job = run.get("job_hash")
        if job and (other := first.setdefault(job, run))["metrics"] != run["metrics"]:
            raise ValueError(f"{other['path']} and {run['path']} are the same job ({job[:8]}) with different results. "
                             "Leave one of them out.")
