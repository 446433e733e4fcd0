"""The folder of a sweep: which jobs it has, what became of them, and nobody else writing to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import relsym
from relsym.runs.decoding import DamagedFile
from relsym.runs.files import write_text_atomically
from relsym.runs.layout import FORMER_LOCK, FROZEN, LOCK, PARTIAL, RESULTS, SWEEP
from relsym.runs.lock import hold, release
from relsym.runs.results import TrainResults, read_results
from relsym.runs.sweeps import Entry, SweepFile, read_sweep, sweep_json


class SweepFolder:
    """``outputs/sweeps/NAME-HASH8``; under ``with`` it belongs to this process.

    Args:
        path: the folder; it is made when entered.

    Attributes:
        earlier: the sweep that it held when it was entered, None if it held none.

    Raises, when entered:
        FolderInUse: another process runs this sweep.
        FileExistsError: it holds something else, or a list of jobs that cannot be read.
        OSError: it cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.earlier: SweepFile | None = None

    def __enter__(self) -> SweepFolder:
        hold(self.path, "hydra.sweep.dir")
        # Read under the lock alone: before it, another process may still write to the folder.
        try:
            self.earlier = self._read()
            (self.path / FROZEN).mkdir(exist_ok=True)
        except BaseException:
            release(self.path)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        release(self.path)

    def write(self, name: str, entries: Sequence[Entry]) -> None:
        """Write the list of jobs with their verdicts."""
        sweep = SweepFile(name, relsym.__version__, self.path.name, list(entries))
        write_text_atomically(self.path / SWEEP, sweep_json(sweep))

    def results(self, entry: Entry) -> TrainResults | None:
        """The results of a job, None if it has none. Damaged ones are deleted, so that the job runs again.

        Raises:
            FileExistsError: they are another job's, or of a version that this one cannot read.
        """
        path = self.path / entry.folder / RESULTS
        try:
            results = read_results(path)
        except FileNotFoundError:
            return None
        except DamagedFile:
            path.unlink()
            return None
        except ValueError as error:
            raise FileExistsError(
                f"{error} To run that job anew delete its folder, or choose another hydra.sweep.dir."
            ) from error
        if results.job_hash != entry.identity.job:
            raise FileExistsError(
                f"{path} is not what job {entry.name} gives (another version, model or benchmark). "
                "Choose another hydra.sweep.dir, or delete that folder."
            )
        return results

    def _read(self) -> SweepFile | None:
        """The sweep that the folder holds; a folder of something else is refused."""
        path = self.path / SWEEP
        if not path.exists():
            self._check_empty()
            return None
        try:
            return read_sweep(path)
        except ValueError as error:
            raise FileExistsError(
                f"{error} To start anew choose another hydra.sweep.dir, or delete the file."
            ) from error

    def _check_empty(self) -> None:
        """Refuse a folder without a list of jobs that holds anything but what an interrupted start leaves."""
        own = (LOCK, FORMER_LOCK, FROZEN, f"{PARTIAL}{SWEEP}")
        foreign = sorted(entry.name for entry in os.scandir(self.path) if entry.name not in own)
        if foreign:
            raise FileExistsError(
                f"{self.path} is no sweep's folder, it holds {', '.join(foreign[:5])}. "
                "Choose another hydra.sweep.dir."
            )
