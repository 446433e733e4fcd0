"""A finished run as a repository of the Hugging Face hub: written, uploaded, fetched."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download

from relsym.app.earlier_run import open_run
from relsym.app.small_run import LOW_RANK_NOTE, write_small_encoder
from relsym.ranges import PositiveInt
from relsym.report.model_card import model_card
from relsym.runs.added_labels import versions_of
from relsym.runs.disk import message_of
from relsym.runs.files import write_atomically
from relsym.runs.layout import ADDED_LABELS, CARD, CONFIG, ENCODER, LOW_RANK, MEMORY, PROBE, RESULTS
from relsym.visible import printable

# All that answering needs, and the record that the card is made from.
HANDED_ON = (CONFIG, RESULTS, PROBE)
HANDED_ON_IF_THERE = (MEMORY, LOW_RANK)
# Files of an encoder's folder, and of the folders of its modules in it.
ENCODER_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "relsym_*.py")
REPOSITORY_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


def write_repository(run: Path, target: Path, name: str, rank: PositiveInt | None = None) -> None:
    """Copy what a run needs to answer, and write its card.

    Args:
        run: the folder of a finished run.
        target: is made.
        name: what a reader loads it by.
        rank: None copies the encoder; else what training changed of it is written in matrices of this rank.

    Raises:
        FileExistsError: the target is there.
        ValueError: the run needs code that is not relsym's, which nobody could load by its name alone; the
            encoder's folder holds something that is no part of it; or no rank, or one for an encoder that is
            not known.
    """
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool) or rank < 1):
        raise ValueError(f"rank={printable(repr(rank), 100)}: expected a whole number, 1 at least, or None.")
    if os.path.lexists(target):
        raise FileExistsError(f"{target}: is there already, and nothing is overwritten. Pass another folder.")
    opened = open_run(str(run), (), "run")  # refuses components that are not relsym's own
    if opened.config.model.trust_remote_code:
        raise ValueError(
            f"{run}: its encoder has code of its own (model.trust_remote_code=true), which from_pretrained "
            "never runs. Hand the folder on itself."
        )
    files = [run / file for file in HANDED_ON]
    if rank is None:
        files += _encoder_files(run / ENCODER)
    elif not (run / ENCODER).is_dir():
        raise ValueError(f"rank={rank}: {run} holds low-rank weights already. Leave rank out.")
    files += [run / file for file in HANDED_ON_IF_THERE if os.path.lexists(run / file)]
    files += list(versions_of(run).values())[-1:]  # of added labels the newest version
    for file in files:
        _check_inside(file, run)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(partial: Path) -> None:
        for file in files:
            copy = partial / file.relative_to(run)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        note = LOW_RANK_NOTE if (partial / LOW_RANK).is_file() else ""
        if rank is not None:
            note = write_small_encoder(run, opened.results.began_with, partial, rank)
        (partial / CARD).write_text(model_card(opened.results, name, note), encoding="utf-8")

    write_atomically(target, write)


def _encoder_files(folder: Path) -> list[Path]:
    """The files of an encoder.

    Raises:
        ValueError: one is no file that an encoder has: nothing unknown is handed on.
    """
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        if not any(path.match(pattern) for pattern in ENCODER_FILES):
            raise ValueError(
                f"{path}: no file that an encoder has, so that it is not handed on. Move it out of the run's "
                "folder."
            )
        files.append(path)
    return files


def _check_inside(file: Path, run: Path) -> None:
    """Refuse a link that leads out of the run's folder; the hub's cache keeps a run's files beside it."""
    real = run.resolve()
    places = [real, real.parent.parent / "blobs"] if real.parent.name == "snapshots" else [real]
    if not any(file.resolve().is_relative_to(place) for place in places):
        raise ValueError(f"{file}: a link that leads out of the run's folder. Put the file itself there.")


def check_repository_name(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        ValueError: with the pattern.
    """
    if not REPOSITORY_NAME.fullmatch(name):
        raise ValueError(f"{printable(name)}: no name of a repository. Pass OWNER/NAME.")


def upload_repository(folder: Path, name: str, private: bool) -> str:
    """Upload a folder; what an earlier one had of an encoder or of training pairs and this one has not goes.

    Args:
        folder: as ``write_repository`` wrote it.
        name: of the repository, ``OWNER/NAME``; made if it is not there.
        private: whether a new one is.

    Returns:
        Its address.

    Raises:
        ValueError: the hub refuses it, or is out of reach.
    """
    hub = HfApi()
    try:
        repository = hub.create_repo(name, private=private, exist_ok=True)
        hub.upload_folder(
            folder_path=folder,
            repo_id=name,
            commit_message="Upload a run of relsym",
            delete_patterns=[f"{ENCODER}/*", f"{ADDED_LABELS}/*", *HANDED_ON_IF_THERE],
        )
    except Exception as error:  # the hub raises many types, of the libraries below it too
        raise ValueError(
            f"{name}: cannot be uploaded ({_reason(error)}). Run hf auth login first, and pass a repository "
            "of yours, OWNER/NAME."
        ) from error
    return str(repository)


def fetched_repository(name: str, revision: str | None) -> Path:
    """The folder of a published run: a folder as it is, and what the hub has, fetched.

    Raises:
        ValueError: there is neither, the hub is out of reach, or a revision of a folder is asked for.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"{name}: a folder, which has no revision {printable(revision)}. Leave it out.")
        return folder
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=[*HANDED_ON, *HANDED_ON_IF_THERE, f"{ENCODER}/*", f"{ADDED_LABELS}/*.json"],
            )
        )
    except Exception as error:  # as above
        raise ValueError(
            f"{name}: no folder, and not to be had from the hub ({_reason(error)}). Check the name; offline, "
            "pass a folder."
        ) from error


def _reason(error: Exception) -> str:
    """The first line of what an error says, or its type."""
    return printable((message_of(error).splitlines() or [type(error).__name__])[0], 300)
