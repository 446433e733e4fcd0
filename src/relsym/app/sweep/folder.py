"""The folder of a sweep: which jobs it has, what became of them, and nobody else writing to it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from relsym.runs.files import write_atomically
from relsym.runs.identity import Identity

LIST, LOCK, FROZEN, RESULTS = "sweep.json", "sweep.lock", "frozen", "results.json"
LIST_FORMAT = 1
# Verdicts. What is done or reused has results; what is repeated is another job of the list once more.
WAITING, RUNNING, DONE, REUSED, FAILED, LEFT_OUT, REPEATED = "waiting", "running", "done", "reused", "failed", "left_out", "repeated"
HAS_RESULTS = (DONE, REUSED)


@dataclass
class Entry:
    """One job of a sweep. folder: of its results, relative to the sweep's folder; of another sweep where they are reused."""

    number: int
    name: str
    overrides: list[str]
    choices: dict[str, str]
    samples: int | None
    seed: int
    score_on: str
    identity: Identity
    accelerator: str
    devices: int | str
    folder: str
    verdict: str = WAITING
    error: str | None = None
    seconds: float | None = None
    solved: bool = field(default=False)


class SweepFolder:
    """``outputs/sweeps/NAME-HASH8``; under ``with`` it belongs to this process.

    Raises, when entered:
        BlockingIOError: another process runs this sweep.  FileExistsError: it holds another sweep, or something else.
        OSError: it cannot be written to.
    """

    def __init__(self, path: Path, jobs: Sequence[Identity]) -> None:
        self.path = path
        self.jobs = [job.job for job in jobs]

    def __enter__(self) -> SweepFolder:
        try:
            (self.path / FROZEN).mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
        except (PermissionError, NotADirectoryError) as error:
            raise type(error)(f"{self.path}: cannot write there ({error.strerror}). Choose another hydra.sweep.dir.") from error
        try:
            self._check()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._lock.close()

    def write(self, name: str, entries: Sequence[Entry], about: dict[str, Any]) -> None:
        """Write the list of jobs with their verdicts."""
        jobs = [{**asdict(entry), "job_hash": entry.identity.job, "identity": entry.identity._asdict()} for entry in entries]
        text = json.dumps({"format": LIST_FORMAT, "name": name, **about, "jobs": jobs}, indent=1)
        write_atomically(self.path / LIST, lambda target: target.write_text(text + "\n", encoding="utf-8"))

    def results(self, entry: Entry) -> dict[str, Any] | None:
        """The results of a job, None if it has none.

        Raises:
            FileExistsError: they are another job's.
        """
        path = self.path / entry.folder / RESULTS
        found = read_results(path)
        if found is None:
            path.unlink(missing_ok=True)  # damaged: the job runs again
        elif found.get("job_hash") != entry.identity.job:
            raise FileExistsError(f"{path} is not what job {entry.name} gives (another version, model or benchmark). "
                                  "Choose another hydra.sweep.dir, or delete that folder.")
        return found

    def _locked(self) -> IO[bytes]:
        lock = open(self.path / LOCK, "ab")  # noqa: SIM115 (held as long as the sweep runs)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise BlockingIOError(f"{self.path}: another process runs this sweep. Wait for it, or end it.") from error
        return lock

    def _check(self) -> None:
        path = self.path / LIST
        if not path.exists():
            foreign = sorted(entry.name for entry in os.scandir(self.path) if entry.name not in (LOCK, FROZEN, f"partial.{LIST}"))
            if foreign:
                raise FileExistsError(f"{self.path} is no sweep's folder, it holds {', '.join(foreign[:5])}. "
                                      "Choose another hydra.sweep.dir.")
            return
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            hashes = [job["job_hash"] for job in held["jobs"]]
            same = held["format"] == LIST_FORMAT and hashes[:len(self.jobs)] == self.jobs
        except (ValueError, KeyError, TypeError) as error:
            raise FileExistsError(f"{path}: not a list of jobs of this version. Choose another hydra.sweep.dir, or delete it.") from error
        if not same:
            raise FileExistsError(f"{self.path} holds another sweep ({len(held['jobs'])} jobs). Choose another hydra.sweep.dir, or "
                                  "leave it unset: each list of jobs has a folder of its own.")


def read_results(path: Path) -> dict[str, Any] | None:
    """The results in a file; None where there is none or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None
