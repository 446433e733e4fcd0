"""Options of Hydra's own that a command would pass over: they are refused before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.experimental.callback import Callback
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

# The callbacks that every command has.
OWN_CALLBACKS = ("secrets", "claim")
# What Hydra calls for each job that it runs itself; those of a training sweep run without it.
_OF_JOBS = ("on_job_start", "on_job_end", "on_compose_config")
_DEFAULT_SUBDIR = "${hydra.job.num}"


def check_single(config: DictConfig) -> None:
    """Refuse options of several runs in the command line of one.

    Args:
        config: composed, with the node ``hydra``.

    Raises:
        ValueError: naming the option.
    """
    words = words_about_hydra(config)
    for key in ("hydra.sweep.dir", "hydra.sweep.subdir"):
        if is_set(words, key):
            raise ValueError(
                f"{key} is the folder of several runs, and this is one. Pass hydra.run.dir=FOLDER, or -m "
                "before the options for several."
            )
    if not str(OmegaConf.select(config, "hydra.run.dir") or "").strip():
        raise ValueError("hydra.run.dir is empty: pass hydra.run.dir=FOLDER, or leave it out.")


def check_several(config: DictConfig, is_training: bool) -> None:
    """Refuse options that ``-m`` passes over.

    Args:
        config: of the whole call, with the node ``hydra``.
        is_training: its jobs are trainings, which Hydra does not run itself.

    Raises:
        ValueError: naming the option, and what to do.
    """
    if is_set(words_about_hydra(config), "hydra.run.dir"):
        raise ValueError(
            "hydra.run.dir is the folder of one run, and with -m there may be several. Pass "
            "hydra.sweep.dir=FOLDER: each job has a folder of its own in it."
        )
    if not is_training:
        return
    hydra = OmegaConf.to_container(config.hydra, resolve=False)
    is_named = is_set(words_about_hydra(config), "hydra.sweep.subdir")
    if is_named or hydra["sweep"]["subdir"] != _DEFAULT_SUBDIR:
        raise ValueError(
            "hydra.sweep.subdir: a sweep of trainings names the folders of its jobs itself (000-knn-seed0), "
            "so that it finds them again when it goes on. Leave it out; hydra.sweep.dir names the folder "
            "above them."
        )
    if hydra["output_subdir"] not in (".hydra", None):
        raise ValueError(
            f"hydra.output_subdir={hydra['output_subdir']}: a sweep of trainings keeps the configuration of "
            "each job in the folder frozen/, and writes no other. Leave it out."
        )
    if hydra["job"].get("env_set"):
        raise ValueError(
            "hydra.job.env_set: the jobs of a sweep of trainings inherit the environment of the command. "
            "Export the variables in the shell instead."
        )
    _check_callbacks(config.hydra.get("callbacks") or {})


def check_subdirs(folder: Path, names: Sequence[str]) -> None:
    """Refuse folders of several evaluations that lie elsewhere, or that two of them share.

    Args:
        folder: the one above them.
        names: ``hydra.sweep.subdir`` of each job.

    Raises:
        ValueError: naming the folder.
    """
    above = os.path.normpath(folder.absolute())
    taken: dict[str, int] = {}
    for number, name in enumerate(names):
        path = os.path.normpath(os.path.join(above, name))
        if not path.startswith(above + os.sep):
            raise ValueError(
                f"hydra.sweep.subdir={name}: this leads out of {folder}, or is that folder itself. Pass a "
                "name for a folder in it."
            )
        if path in taken:
            raise ValueError(
                f"hydra.sweep.subdir: jobs {taken[path]} and {number} would both write to {name}. Let it "
                "name what tells them apart, such as '${hydra.job.num}'."
            )
        taken[path] = number


def no_jobs(config: DictConfig) -> ValueError:
    """The error of a call with ``-m`` that lists no job.

    Args:
        config: of the whole call, with the node ``hydra``.
    """
    words = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    listing = " ".join(words)
    return ValueError(
        f"there is no job to run: one of these options lists no value at all: {listing}. 'range(0,3)' stands "
        "for 0, 1 and 2."
    )


def _check_callbacks(callbacks: DictConfig) -> None:
    """Refuse a user's own callbacks that wait for jobs which Hydra does not run."""
    for name in callbacks:
        target = callbacks[name].get("_target_") if name not in OWN_CALLBACKS else None
        if target is None:
            continue
        kind = get_class(target)
        deaf = [hook for hook in _OF_JOBS if getattr(kind, hook, None) is not getattr(Callback, hook, None)]
        if deaf:
            raise ValueError(
                f"hydra.callbacks.{name}: the jobs of a sweep of trainings run without Hydra, so its "
                f"{', '.join(deaf)} would never be called. Leave it out, or start each run by itself."
            )


def words_about_hydra(config: DictConfig) -> list[str]:
    """The words of the command line about Hydra itself, as they were written."""
    return OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)


def is_set(words: Iterable[str], key: str) -> bool:
    """Whether a word gives a key a value."""
    return any(word.lstrip("+").startswith(f"{key}=") for word in words)
