"""A list of jobs for a folder that holds a sweep already: which ones it has, and what does not go together.

A sweep may be given more jobs: another seed, another number of samples, another model. Those that it has keep
their numbers and names, so that their folders are found again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import relsym
from relsym.app.sweep.job import frozen_config
from relsym.app.sweep.plan import Composed
from relsym.runs.layout import FROZEN
from relsym.runs.sweeps import Entry, SweepFile

# Parts of a configuration that are no part of what a job is.
_ABOUT = ("hydra", "sweep", "tracking", "hardware", "trust")
_SHOWN = 4  # settings that differ, in a message


def places(hashes: Iterable[str], earlier: Iterable[Entry]) -> list[Entry | None]:
    """For each job of a list the place that it has already, None if it has none.

    Args:
        hashes: of the jobs. One that is in the list twice takes two places, if there are two.
        earlier: the places, each of which is taken once.
    """
    free: dict[str, list[Entry]] = defaultdict(list)
    for entry in earlier:
        free[entry.identity.job].append(entry)
    taken: list[Entry | None] = []
    for job in hashes:
        taken.append(free[job].pop(0) if free[job] else None)
    return taken


def numbers(taken: Sequence[Entry | None], first: int) -> list[int]:
    """The numbers of jobs: those of the places that they have, and for the others the next ones.

    Args:
        taken: as ``places`` gives them.
        first: the lowest number that no job has.
    """
    result = []
    for place in taken:
        if place is None:
            result.append(first)
            first += 1
        else:
            result.append(place.number)
    return result


def check_same_sweep(
    folder: Path, earlier: SweepFile, jobs: Sequence[Composed], hashes: Sequence[str]
) -> None:
    """Refuse a list that neither has all jobs of the folder's sweep nor only such.

    Args:
        folder: of the sweep.
        earlier: what it holds.
        jobs, hashes: the list, and what identifies each job of it.

    Raises:
        FileExistsError: naming a job that the list lacks, and what the nearest one of the list has in its
            place.
    """
    stored = {entry.identity.job for entry in earlier.jobs}
    wanted = set(hashes)
    if stored <= wanted or wanted <= stored:
        return
    missing = next(entry for entry in earlier.jobs if entry.identity.job not in wanted)
    new = [job for job, job_hash in zip(jobs, hashes, strict=True) if job_hash not in stored]
    nearest = min(new, key=lambda job: len(set(job.overrides) ^ set(missing.overrides)))
    raise FileExistsError(
        f"{folder} holds another sweep ({len(earlier.jobs)} jobs): {missing.name} of it is not in this list. "
        f"{_difference(folder, earlier, missing, nearest)} A list may add jobs to those of the folder, if it "
        "names them all. Choose another hydra.sweep.dir, or leave it unset: each list of jobs has a folder "
        "of its own."
    )


def _difference(folder: Path, earlier: SweepFile, missing: Entry, nearest: Composed) -> str:
    """What the nearest job of a list has in place of what a job of the folder has."""
    there = [word for word in missing.overrides if word not in nearest.overrides]
    here = [word for word in nearest.overrides if word not in missing.overrides]
    if there or here:
        return f"It has {' '.join(there) or 'the default'} where this list has {' '.join(here) or 'that'}."
    path = folder / FROZEN / f"{missing.number:03d}.yaml"
    if path.exists():
        stored = OmegaConf.to_container(frozen_config(str(path)))
        differing = _differing(stored, nearest.config)
        if differing:
            return f"What differs: {'; '.join(differing)}."
    if earlier.relsym != relsym.__version__:
        return f"It is of relsym {earlier.relsym}, and this is {relsym.__version__}."
    return "Its settings are the same: the model's weights or the benchmark have changed since."


def _differing(stored: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """``training.epochs is 1 there, 2 here``, for the first settings that differ."""
    there, here = dict(_leaves(stored, "")), dict(_leaves(config, ""))
    lines = []
    for key in sorted({**there, **here}):
        if key.split(".")[0] not in _ABOUT and there.get(key) != here.get(key):
            lines.append(f"{key} is {there.get(key)} there, {here.get(key)} here")
    return lines[:_SHOWN]


def _leaves(node: Any, key: str) -> Iterable[tuple[str, Any]]:
    """The values of a configuration by their dotted keys."""
    if not isinstance(node, Mapping):
        yield key, node
        return
    for name, value in node.items():
        yield from _leaves(value, f"{key}.{name}" if key else str(name))
