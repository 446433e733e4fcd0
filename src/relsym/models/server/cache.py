"""Answers on disk: what was answered once is not asked again, whatever ended the run."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from relsym.data.caches import make_cache_folder
from relsym.models.server.answers import Answer, pack, unpack

CACHE_FILE = "answers.sqlite"
PATIENCE = 60.0  # seconds that another process may hold the file
_CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID"
)

_FIND = "SELECT answer FROM answers WHERE key = ?"


def key_of(text: str) -> bytes:
    """The key of an answer: SHA-256 of a text that names the model and the whole request."""
    return sha256(text.encode()).digest()


class AnswerCache:
    """The answers of a server on disk, in SQLite with a write-ahead log.

    An answer is on disk once ``put`` returns, and survives a kill of the process. Several threads and
    processes may use one file; the folder has to be on a local disk. An answer that was damaged counts as
    none.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
        ValueError: the file in the folder is no cache, or was damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CACHE_FILE
        self._lock = threading.Lock()
        make_cache_folder(folder, "model.cache_dir")
        with self._told():
            # Threads share the connection under the lock, so sqlite3 need not check which of them asks.
            # isolation_level=None: every statement is a transaction of its own, so ``put`` needs no commit.
            self._table = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._table.close)
            self._table.execute("PRAGMA journal_mode=WAL")
            # With a write-ahead log NORMAL loses nothing to a kill of the process, only to a loss of power.
            self._table.execute("PRAGMA synchronous=NORMAL")
            self._table.execute(_CREATE_TABLE)
            self._table.execute(f"{_FIND} LIMIT 1", (b"",))  # fails on a table of another shape

    def get(self, keys: Iterable[bytes]) -> dict[bytes, Answer]:
        """The answers that are in the cache, by key; keys without an answer are left out.

        Raises:
            OSError, ValueError: as when it was opened.
        """
        packed_answers: dict[bytes, bytes] = {}
        with self._lock, self._told():
            for key in keys:
                entry = self._table.execute(_FIND, (key,)).fetchone()
                if entry is not None:
                    packed_answers[key] = entry[0]
        answers = {}
        for key, packed in packed_answers.items():
            answer = unpack(packed)
            if answer is not None:
                answers[key] = answer
        return answers

    def put(self, key: bytes, answer: Answer) -> None:
        """Keep an answer; one that is there already under this key is replaced.

        Raises:
            OSError, ValueError: as when it was opened.
        """
        with self._lock, self._told():
            self._table.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, pack(answer)))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the file with what to do about it."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            # A statement that does not fit the table counts as an operational error as well.
            is_of_shape = error.sqlite_errorcode == sqlite3.SQLITE_ERROR
            if isinstance(error, sqlite3.OperationalError) and not is_of_shape:
                raise OSError(
                    f"{self.path}: {error}. Answers are kept in model.cache_dir: pass a folder on a local "
                    "disk with room for them."
                ) from error
            raise ValueError(
                f"{self.path} is no cache of answers, or was damaged ({error}). Move it away, or pass "
                "another model.cache_dir."
            ) from error
