"""A finished run as a repository of the Hugging Face hub: written, uploaded, fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from relsym.report.model_card import model_card
from relsym.runs.files import write_atomically
from relsym.runs.layout import CARD, CONFIG, ENCODER, PROBE, RESULTS
from relsym.runs.results import TrainResults, read_results

# All that answering needs, and the record that the card is made from.
HANDED_ON = (CONFIG, RESULTS, PROBE)


def write_repository(run: Path, target: Path, name: str) -> None:
    """Copy what a run needs to answer, and write its card.

    Args:
        run: the folder of a finished run.
        target: is made.
        name: what a reader loads it by.

    Raises:
        FileExistsError: the target is there.
    """
    if target.exists():
        raise FileExistsError(f"{target}: is there already, and nothing is overwritten. Pass another folder.")
    results = read_results(run / RESULTS)
    assert isinstance(results, TrainResults)  # a run of another command is never loaded
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(partial: Path) -> None:
        partial.mkdir()
        for file in HANDED_ON:
            shutil.copyfile(run / file, partial / file)
        shutil.copytree(run / ENCODER, partial / ENCODER)
        (partial / CARD).write_text(model_card(results, name), encoding="utf-8")

    write_atomically(target, write)


def upload_repository(folder: Path, name: str, private: bool) -> str:
    """Upload a folder.

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
        hub.upload_folder(folder_path=folder, repo_id=name, commit_message="Upload a run of relsym")
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{name}: cannot be uploaded ({reason}). Run hf auth login first, and pass a repository of "
            "yours, OWNER/NAME."
        ) from error
    return str(repository)


def fetched_repository(name: str, revision: str | None) -> Path:
    """The folder of a published run: a folder as it is, and what the hub has, fetched.

    Raises:
        ValueError: there is neither, or the hub is out of reach.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*HANDED_ON, f"{ENCODER}/*"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{name}: no folder, and not to be had from the hub ({reason}). Check the name; offline, pass a "
            "folder."
        ) from error
