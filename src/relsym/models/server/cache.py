"""Answers on disk: what was answered once is not asked again, whatever ended the run."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from relsym.models.server.answers import Answer, pack, unpack

CACHE_FILE = "answers.sqlite"
PATIENCE = 60.0  # seconds that another process may hold the file


def key_of(text: str) -> bytes:
    """What an answer is kept under: SHA-256 of model and request."""
    return sha256(text.encode()).digest()


class AnswerCache:
    """A table of answers in SQLite with a write-ahead log: each is on disk once ``put`` returns, and survives
    a kill of the process.

    Several threads and processes may use one file; the folder has to be on a local disk. An answer that was
    damaged counts as none.

    Raises:
        OSError: a folder that cannot be written, a full disk.  ValueError: a file that is no cache.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CACHE_FILE
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._table = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._table.close)
            self._table.execute("PRAGMA journal_mode=WAL")
            self._table.execute("PRAGMA synchronous=NORMAL")
            self._table.execute(
                "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL) WITHOUT "
                "ROWID"
            )
        except sqlite3.OperationalError as error:
            raise self._failed(error) from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{self.path} is no cache of answers ({error}). Move it away, or pass another "
                "model.cache_dir."
            ) from error

    def get(self, keys: Iterable[bytes]) -> dict[bytes, Answer]:
        """Those of the answers that are there."""
        with self._lock:
            stored = {
                key: self._table.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
                for key in keys
            }
        found = {key: unpack(entry[0]) for key, entry in stored.items() if entry}
        return {key: answer for key, answer in found.items() if answer is not None}

    def put(self, key: bytes, answer: Answer) -> None:
        """Keep an answer."""
        try:
            with self._lock:
                self._table.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, pack(answer)))
        except sqlite3.OperationalError as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.OperationalError) -> OSError:
        return OSError(
            f"{self.path}: {error}. Answers are kept in model.cache_dir: pass a folder on a local disk with "
            "room for them."
        )
