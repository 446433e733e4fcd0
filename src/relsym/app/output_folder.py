"""The folder that a command fills: held, looked at before anything is written, marked while it is filled.

Hydra writes its log and ``.hydra`` before it calls a task, so a folder is held and looked at before Hydra
begins: what is refused leaves the folder as it was. ``relsym build``, ``check`` and ``export`` each write one
file last, which says that the folder is finished. Until then a file of that name with ``partial.`` before it
marks the folder, and lists what was to be written: where it lies, these files were left by a call that was
stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from relsym.app.entry import past_hydra
from relsym.app.hydra_options import check_several, check_single, is_set, words_about_hydra
from relsym.app.values.checks import check_composed
from relsym.runs.files import naming_room, remove, write_text_atomically
from relsym.runs.layout import CHECK, EXPORT, LOCK, MANIFEST, PARTIAL, RESULTS, SWEEP
from relsym.runs.lock import hold, release
from relsym.runs.unfinished import check_run_folder

RUN_DIR = "hydra.run.dir"


def check_build_folder(folder: Path) -> None:
    """Refuse a folder that ``relsym build`` may not fill; see ``check_output_folder``."""
    check_output_folder(folder, MANIFEST, "build", "benchmark")


def check_check_folder(folder: Path) -> None:
    """Refuse a folder that ``relsym check`` may not fill; see ``check_output_folder``."""
    check_output_folder(folder, CHECK, "check", "check")


def check_export_folder(folder: Path) -> None:
    """Refuse a folder that ``relsym export`` may not fill; see ``check_output_folder``."""
    check_output_folder(folder, EXPORT, "export", "export")


def any_folder(folder: Path) -> None:
    """Refuse nothing: a report may be written again, into whatever folder."""


# What each command refuses to write into.
CHECKS: dict[str, Callable[[Path], None]] = {
    "train": check_run_folder,
    "evaluate": check_run_folder,
    "build": check_build_folder,
    "check": check_check_folder,
    "export": check_export_folder,
    "report": any_folder,
}


class ClaimFile(Callback):
    """Hydra's callback of a command that fills no run folder: it holds what it writes itself.

    Args:
        output: how a user says where that is.
    """

    def __init__(self, output: str) -> None:
        self.output = output

    def on_run_start(self, config: DictConfig, **further: Any) -> None:
        """Refuse a folder for a run that has none."""
        with past_hydra():
            words = words_about_hydra(config)
            if is_set(words, "hydra.run.dir"):
                raise ValueError(f"hydra.run.dir: this command fills no run folder. Pass {self.output}.")

    def on_multirun_start(self, config: DictConfig, **further: Any) -> None:
        """Refuse several runs."""
        with past_hydra():
            raise ValueError("-m: this command does one thing at a time. Give it once for each.")


class ClaimOutput(Callback):
    """Hydra's callback that holds a command's folder, from before Hydra writes to it until the command ends.

    Args:
        command: whose folder it is.
    """

    def __init__(self, command: str) -> None:
        self.command = command

    def on_run_start(self, config: DictConfig, **further: Any) -> None:
        """Hold the folder of a single run, and refuse it if the command may not write there."""
        with past_hydra():
            # The name of the folder may ask Hydra's configuration, which Hydra itself sets a little later.
            HydraConfig.instance().set_config(config)
            check_names(config)
            check_single(config)
            folder = Path(str(config.hydra.run.dir)).absolute()
            hold(folder, RUN_DIR)
            CHECKS[self.command](folder)

    def on_multirun_start(self, config: DictConfig, **further: Any) -> None:
        """Hold the folder above those of several runs; of trainings ``SweepFolder`` does."""
        with past_hydra():
            check_names(config, of_job=False)
            check_several(config, is_training=self.command == "train")
            if self.command != "train":
                folder = Path(str(config.hydra.sweep.dir)).absolute()
                hold(folder, "hydra.sweep.dir")
                check_no_sweep(folder)

    def on_job_start(self, config: DictConfig, **further: Any) -> None:
        """Hold the folder of one of several runs.

        That of a single run is held already, and so is that of an evaluation, by ``claim_job``.
        """
        with past_hydra():
            hold(Path(config.hydra.runtime.output_dir), RUN_DIR)

    def on_job_end(self, config: DictConfig, **further: Any) -> None:
        """Release the folder of a run that went well; of one that did not, the end of the command does."""
        release(Path(config.hydra.runtime.output_dir))


def check_no_sweep(folder: Path) -> None:
    """Refuse the folder of a sweep of trainings for evaluations, which would lie among its jobs.

    Raises:
        FileExistsError: it is one.
    """
    if os.path.lexists(folder / SWEEP):
        raise FileExistsError(
            f"hydra.sweep.dir={folder}: a sweep of trainings lies there ({SWEEP}). Pass another folder, or "
            "leave it out."
        )


def check_names(config: DictConfig, of_job: bool = True) -> None:
    """Refuse names that lead out of the folder: what Hydra writes lies in the one that is held.

    Args:
        config: composed, with the node ``hydra``.
        of_job: whether it is that of one job; else a name that refers to others is looked at later, since
            only a job has a number.

    Raises:
        ValueError: ``hydra.job.name`` or ``hydra.output_subdir`` is not one plain name.
    """
    nodes = {
        "hydra.job.name": (config.hydra.job, "name"),
        "hydra.output_subdir": (config.hydra, "output_subdir"),
    }
    for key, (node, name) in nodes.items():
        if OmegaConf.is_interpolation(node, name) and not of_job:
            continue
        value = node[name]
        if value is not None and not _is_plain(str(value)):
            raise ValueError(f"{key}={value}: this names what lies in the run's folder. Pass one plain name.")


def job_folder_name(config: DictConfig) -> str:
    """``hydra.sweep.subdir`` of one of several evaluations, whose values it may ask for."""
    HydraConfig.instance().set_config(config)
    return str(config.hydra.sweep.subdir)


def claim_job(config: DictConfig) -> Path:
    """Hold the folder of one of several evaluations before Hydra writes to it, and refuse a foreign one.

    A folder that holds this very evaluation is not refused: the evaluation is kept.

    Args:
        config: of the job, with the node ``hydra``.

    Returns:
        The folder.

    Raises:
        FolderInUse: another process writes there.
        FileExistsError: naming what is in the folder.
        ValueError: its options do not compose, or a name leads out of the folder.
    """
    HydraConfig.instance().set_config(config)
    check_names(config)
    folder = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)).absolute()
    with open_dict(config.hydra.runtime), read_write(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(folder)  # options may ask for it
    HydraConfig.instance().set_config(config)
    hold(folder, "hydra.sweep.dir")
    if not ((folder / RESULTS).exists() and _is_kept(config, folder)):
        check_run_folder(folder)
    return folder


def _is_kept(config: DictConfig, folder: Path) -> bool:
    """Whether a folder holds this very evaluation."""
    cfg = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    check_composed(cfg, "evaluate")
    # Imported after the check: options that do not compose are refused before torch is loaded.
    from relsym.app.evaluate.record import EvaluationRecord
    from relsym.app.process import prepare_process

    prepare_process()
    return EvaluationRecord(cfg).is_finished(folder)


def check_output_folder(folder: Path, last_file: str, command: str, product: str) -> None:
    """Refuse a folder with finished work in it, or with files that the command did not leave.

    Args:
        folder: to be filled; it exists.
        last_file: name of the file that is written last.
        command, product: what fills the folder and what it makes, for messages (build, benchmark).

    Raises:
        FileExistsError: naming what is in the folder.
    """
    if (folder / last_file).exists():
        raise FileExistsError(
            f"{folder} holds a finished {product} ({last_file}). Choose another hydra.run.dir, or delete the "
            "folder."
        )
    mark = _mark(folder, last_file)
    own = {LOCK, f"{PARTIAL}{mark.name}"}
    names = sorted(path.name for path in folder.iterdir() if path.name not in own)
    if names and mark.name not in names:
        first_names = ", ".join(names[:5])
        raise FileExistsError(
            f"{folder} holds files that no {command} left: {first_names}. Choose another hydra.run.dir."
        )


def claim_output_folder(
    folder: Path, last_file: str, names: Sequence[str], unlisted: Sequence[str] = ()
) -> None:
    """Clear what a stopped call left, and mark the folder as being filled.

    What else lies there is the user's, and stays.

    Args:
        folder, last_file: as in ``check_output_folder``.
        names: of all files and folders that the command writes there before the last one.
        unlisted: what a stopped call may have left whose mark lists nothing: those of earlier versions.
    """
    mark = _mark(folder, last_file)
    if mark.exists():
        for name in {*names, *(_listed(mark) or unlisted)}:
            remove(folder / name)
            remove(folder / f"{PARTIAL}{name}")
    write_text_atomically(mark, json.dumps(sorted(names)))


def finish_output_folder(folder: Path, last_file: str, text: str) -> None:
    """Write the file that says that the folder is finished, and remove its mark."""
    partial = folder / f"{PARTIAL}{PARTIAL}{last_file}"  # beside the mark, which has the shorter name
    try:
        with naming_room(folder / last_file, partial):
            partial.write_text(text, encoding="utf-8")
        os.replace(partial, folder / last_file)
    except BaseException:  # Ctrl-C too
        remove(partial)
        raise
    _mark(folder, last_file).unlink()


def _mark(folder: Path, last_file: str) -> Path:
    """The file that marks the folder."""
    return folder / f"{PARTIAL}{last_file}"


def _listed(mark: Path) -> list[str]:
    """The names in a mark; none if it is damaged.

    Only plain ones of what lies in the folder itself: whatever the file says, nothing outside is deleted.
    """
    try:
        names = json.loads(mark.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return []
    if not isinstance(names, list):
        return []
    plain = []
    for name in names:
        if isinstance(name, str) and _is_plain(name):
            plain.append(name)
    return plain


def _is_plain(name: str) -> bool:
    """Whether a name is that of something in the folder itself."""
    return name == Path(name).name and "\\" not in name and name not in ("", ".", "..")
