"""The jobs of a sweep: composed, named and frozen before the first one starts."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from relsym.app.values.checks import check_composed
from relsym.runs.files import write_atomically
from relsym.runs.identity import Identity
from relsym.runs.layout import FROZEN
from relsym.runs.sweeps import Entry

LONGEST_JOB_NAME = 80
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(e-?\d+)?")


class Known(NamedTuple):
    """What is found out of a job before it starts: what it computes, and the hub id of its encoder's
    published weights, if any.
    """

    identity: Identity
    published: str | None


@dataclass(frozen=True)
class Composed:
    """One job's overrides, its resolved configuration, and the ``hydra`` node that it was composed with."""

    overrides: list[str]
    config: dict[str, Any]
    hydra: DictConfig

    @property
    def choices(self) -> dict[str, str]:
        """The options of the groups."""
        return {
            group: str(option)
            for group, option in self.hydra.runtime.choices.items()
            if "hydra" not in group and "/" not in group
        }


def compose_all(
    context: HydraContext, master: DictConfig, overrides: Sequence[Sequence[str]]
) -> list[Composed]:
    """Compose every job: a word that does not fit is an error before any job starts.

    Raises:
        ValueError: a job has keys that nothing reads, or values out of range.
    """
    jobs = []
    for words in overrides:
        composed = context.config_loader.load_sweep_config(master, list(words))
        with open_dict(composed):
            hydra = composed.pop("hydra")
        try:
            check_composed(composed, "train", hydra)
        except ValueError as error:
            raise ValueError(
                f"no job was started, for this one cannot run: {' '.join(words)}\n{error}"
            ) from error
        jobs.append(Composed(list(words), OmegaConf.to_container(composed, resolve=True), hydra))
    return jobs


def job_names(jobs: Sequence[Composed], first: int, said: Collection[str] = ()) -> list[str]:
    """``003-knn-samples16-seed0``: the number, and what tells the job from the others.

    Args:
        said: the words of the command line; a word of it that stands in a job as it is tells nothing.
    """
    words = [dict(word.split("=", 1) for word in job.overrides if word not in said) for job in jobs]
    varying = [key for key in words[0] if len(jobs) == 1 or len({word.get(key) for word in words}) > 1]
    names = (
        "-".join([f"{number:03d}", *(_part(key, word[key]) for key in varying if key in word)])
        for number, word in enumerate(words, start=first)
    )
    return [re.sub(r"[^\w.=+-]+", "_", name)[:LONGEST_JOB_NAME] for name in names]


def _part(key: str, value: str) -> str:
    """A group's option speaks for itself, a number needs its key; three digits of it tell enough.

    A list of options: joined by a plus.
    """
    last = key.rsplit(".", 1)[-1].lstrip("+~")
    value = f"{float(value):.3g}" if LONG_NUMBER.fullmatch(value) else value
    value = value.strip("[]").replace(",", "+") if key == "recipe" else value
    return (
        value
        if key in ("objective", "model", "metric", "probe", "data", "experiment", "benchmark", "recipe")
        else f"{last}{value}"
    )


def entries_of(
    jobs: Sequence[Composed], inspected: Sequence[Known], first: int, said: Collection[str]
) -> list[Entry]:
    """The jobs as the sweep's folder lists them.

    Args:
        inspected: what was found out of each job.  first: number of the first one.  said: the words of the
        command line.
    """
    names = job_names(jobs, first, said)
    entries = []
    for place, (job, name, known) in enumerate(zip(jobs, names, inspected, strict=True)):
        data, hardware = job.config["data"], job.config["hardware"]
        entries.append(
            Entry(
                number=first + place,
                name=name,
                overrides=job.overrides,
                choices=job.choices,
                published=known.published,
                samples=data["samples"],
                seed=job.config["seed"],
                score_on=data["score_on"],
                identity=known.identity,
                accelerator=hardware["accelerator"],
                devices=hardware["devices"],
                folder=name,
            )
        )
    return entries


def _to_the_console(logging: dict[str, Any]) -> dict[str, Any]:
    """Hydra's log file would repeat what ``job.log`` catches."""
    handlers = {name: handler for name, handler in logging["handlers"].items() if "filename" not in handler}
    return {**logging, "handlers": handlers, "root": {**logging["root"], "handlers": list(handlers)}}


def freeze(job: Composed, entry: Entry, folder: Path) -> Path:
    """Write the job's configuration: what it is, who watches it, and the parts of Hydra's that a
    task reads.
    """
    config, output = dict(job.config), str(folder / entry.folder)
    config["sweep"] = {**config["sweep"], "folder": folder.name, "job": entry.name}
    tracking = config["tracking"]
    config["tracking"] = {
        **tracking,
        **{
            key: value
            for key, value in (("group", folder.name), ("name", entry.name))
            if key in tracking and tracking[key] is None
        },
    }
    config["hydra"] = {
        "mode": RunMode.RUN.name,
        "run": {"dir": output},
        "verbose": job.hydra.verbose,
        "output_subdir": None,
        "job": {"name": job.hydra.job.name, "num": entry.number, "chdir": False},
        "job_logging": _to_the_console(OmegaConf.to_container(job.hydra.job_logging)),
        "overrides": {"task": job.overrides},
        "runtime": {
            "output_dir": output,
            "cwd": job.hydra.runtime.cwd,
            "version": job.hydra.runtime.version,
            "choices": OmegaConf.to_container(job.hydra.runtime.choices),
        },
    }
    path = folder / FROZEN / f"{entry.number:03d}.yaml"
    text = OmegaConf.to_yaml(OmegaConf.create(config))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
    return path
