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
from relsym.app.values.known import is_own_group
from relsym.app.values.secrets import check_secrets, storable
from relsym.runs.files import write_text_atomically
from relsym.runs.identity import Identity
from relsym.runs.layout import FROZEN
from relsym.runs.sweeps import Entry

LONGEST_JOB_NAME = 80
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(e-?\d+)?")
# Groups whose options say by themselves what they are: "knn", not "objectiveknn".
_SPEAKING_GROUPS = ("objective", "model", "metric", "probe", "data", "experiment", "benchmark", "recipe")


class Known(NamedTuple):
    """What is found out about a job before it starts.

    identity: the hashes of what it computes.  published: the hub id of its encoder's published weights, if
    it has one.
    """

    identity: Identity
    published: str | None


@dataclass(frozen=True)
class Composed:
    """One job's overrides, its configuration, and the ``hydra`` node that it was composed with.

    The configuration is resolved, but for secrets of the environment (``storable``).
    """

    overrides: list[str]
    config: dict[str, Any]
    hydra: DictConfig

    @property
    def choices(self) -> dict[str, str]:
        """The option chosen in each of relsym's own groups: those of Hydra and nested ones are left out."""
        choices = {}
        for group, option in self.hydra.runtime.choices.items():
            if is_own_group(group):
                choices[group] = str(option)
        return choices


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
            check_secrets(composed)
            check_composed(composed, "train", hydra)
        except ValueError as error:
            raise ValueError(
                f"no job was started, for this one cannot run: {' '.join(words)}\n{error}"
            ) from error
        jobs.append(Composed(list(words), storable(composed), hydra))
    return jobs


def job_names(jobs: Sequence[Composed], numbers: Sequence[int], said: Collection[str] = ()) -> list[str]:
    """``003-knn-samples16-seed0``: the number, and what tells the job from the others.

    Args:
        jobs: at least one.
        numbers: of each.
        said: the words of the command line; a word of it that stands in a job as it is tells nothing.
    """
    values_of_jobs = [_override_values(job, said) for job in jobs]
    varying = []
    for key in values_of_jobs[0]:
        values = {job_values.get(key) for job_values in values_of_jobs}
        if len(jobs) == 1 or len(values) > 1:
            varying.append(key)
    names = []
    for number, job_values in zip(numbers, values_of_jobs, strict=True):
        parts = [f"{number:03d}"]
        for key in varying:
            if key in job_values:
                parts.append(_part(key, job_values[key]))
        # The name is that of a folder: whatever might not be allowed there becomes an underscore.
        name = re.sub(r"[^\w.=+-]+", "_", "-".join(parts))
        # In bytes, as file systems count: a letter may have four.
        names.append(name.encode()[:LONGEST_JOB_NAME].decode(errors="ignore"))
    return names


def _override_values(job: Composed, said: Collection[str]) -> dict[str, str]:
    """The job's overrides as key and value, without the words of the command line."""
    values = {}
    for word in job.overrides:
        if word not in said:
            key, value = word.split("=", 1)
            values[key] = value
    return values


def _part(key: str, value: str) -> str:
    """What one override adds to a job's name: a group's option alone, of any other its last key too.

    Long numbers are cut to three digits, options of a list are joined by a plus.
    """
    if LONG_NUMBER.fullmatch(value):
        value = f"{float(value):.3g}"
    if key == "recipe":
        value = value.strip("[]").replace(",", "+")
    if key in _SPEAKING_GROUPS:
        return value
    last_key = key.rsplit(".", 1)[-1].lstrip("+~")
    return f"{last_key}{value}"


def entries_of(
    jobs: Sequence[Composed], inspected: Sequence[Known], numbers: Sequence[int], said: Collection[str]
) -> list[Entry]:
    """The jobs as the sweep's folder lists them.

    Args:
        jobs: at least one.
        inspected: what was found out about each job.
        numbers: of each.
        said: the words of the command line.
    """
    names = job_names(jobs, numbers, said)
    entries = []
    for number, job, name, facts in zip(numbers, jobs, names, inspected, strict=True):
        data, hardware = job.config["data"], job.config["hardware"]
        entries.append(
            Entry(
                number=number,
                name=name,
                overrides=job.overrides,
                choices=job.choices,
                published=facts.published,
                samples=data["samples"],
                seed=job.config["seed"],
                score_on=data["score_on"],
                identity=facts.identity,
                accelerator=hardware["accelerator"],
                devices=hardware["devices"],
                folder=name,
            )
        )
    return entries


def freeze(job: Composed, entry: Entry, folder: Path) -> Path:
    """Write the configuration of a job and return the file's path.

    It says what the job is, who watches it, and the parts of Hydra's own configuration that a task reads.
    A file that holds the same already is not written again.
    """
    config = dict(job.config)
    config["sweep"] = {**config["sweep"], "folder": folder.name, "job": entry.name}
    config["tracking"] = _named_tracking(config["tracking"], folder.name, entry.name)
    config["hydra"] = _hydra_node(job, entry, str(folder / entry.folder))
    text = OmegaConf.to_yaml(OmegaConf.create(config))
    path = folder / FROZEN / f"{entry.number:03d}.yaml"
    # A new file would not carry the lock that a job which a killed sweep has left still holds on this one.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text_atomically(path, text)
    return path


def _named_tracking(tracking: dict[str, Any], sweep: str, job: str) -> dict[str, Any]:
    """The tracker's arguments, with the names of sweep and job where it takes them."""
    named = dict(tracking)
    for key, value in (("sweep", sweep), ("job", job)):
        if key in tracking:
            named[key] = value
    return named


def _hydra_node(job: Composed, entry: Entry, output: str) -> dict[str, Any]:
    """What a task finds of Hydra's own configuration, as if Hydra had run it by itself in ``output``."""
    hydra = job.hydra
    runtime = {
        "output_dir": output,
        "cwd": hydra.runtime.cwd,
        "version": hydra.runtime.version,
        "choices": OmegaConf.to_container(hydra.runtime.choices),
    }
    return {
        "mode": RunMode.RUN.name,
        "run": {"dir": output},
        "verbose": hydra.verbose,
        "output_subdir": None,
        "job": {"name": hydra.job.name, "num": entry.number, "chdir": False},
        "job_logging": _to_the_console(OmegaConf.to_container(hydra.job_logging)),
        "overrides": {"task": job.overrides},
        "runtime": runtime,
    }


def _to_the_console(logging: dict[str, Any]) -> dict[str, Any]:
    """The configuration of logging without files: Hydra's would repeat what ``job.log`` catches."""
    handlers = {}
    for name, handler in (logging.get("handlers") or {}).items():
        if "filename" not in handler:
            handlers[name] = handler
    if not logging.get("root"):  # hydra/job_logging=none and disabled have no root logger
        return {**logging, "handlers": handlers}
    root = {**logging["root"], "handlers": list(handlers)}
    return {**logging, "handlers": handlers, "root": root}
