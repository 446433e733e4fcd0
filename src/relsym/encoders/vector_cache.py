"""Vectors of texts that were encoded before, in a file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from relsym.encoders.encoder import Encoder
from relsym.runs.disk import check_regular
from relsym.visible import printable

CACHE_FORMAT = "relsym vectors 1"
# The whole of a cache's schema, as SQLite itself keeps it: a file with anything else in it is not read.
SCHEMA = (
    "CREATE TABLE made_by (format TEXT, encoder TEXT)",
    "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB)",
)
KEYS_AT_ONCE = 500  # SQLite takes so many, and more, in one question
WAIT_S = 60.0  # for another process that is writing


@final
class VectorCache:
    """Looks a text up before it is encoded, and keeps the vector of one that is new.

    It is an SQLite file: several processes may use it at once, and what one had written stays when it is
    killed. A vector takes 4 bytes a number. Use it in a ``with`` block.

    Args:
        path: of the file, which is made if it is not there.
        encoder: whose vectors they are.
        fingerprint: of its weights, vocabulary and pooling.

    Raises:
        ValueError: something else lies there, or vectors of another encoder.
    """

    def __init__(self, path: Path, encoder: Encoder, fingerprint: str) -> None:
        self.path, self.encoder = path, encoder
        self._number_type = np.dtype("<f4")
        if os.path.lexists(path):
            check_regular(path)
        pooling = encoder.pooling.described()
        described = [fingerprint, pooling, str(encoder.model.dtype), encoder.max_length, encoder.dim]
        with self._faults():
            # One transaction for each block of texts, not one for each statement.
            # As a path of its own: SQLite takes ":memory:" for no file.
            self._file = sqlite3.connect(Path(path).absolute(), timeout=WAIT_S, isolation_level=None)
        try:
            self._open(json.dumps(described))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def raw_vectors(
        self,
        texts: Sequence[str],
        seconds: Sequence[str] | None = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Float[Tensor, "n dim"]:
        """What ``Encoder.raw_vectors`` gives, of texts that differ from each other."""
        keys = [_key(*text) for text in (zip(texts) if seconds is None else zip(texts, seconds, strict=True))]
        known = self._known(keys)
        advance(len(known))
        new = [place for place, key in enumerate(keys) if key not in known]
        vectors = torch.empty(len(keys), self.encoder.dim)
        for place, key in enumerate(keys):
            if key in known:
                # A copy, for the bytes are not to be written to.
                vectors[place] = torch.from_numpy(known[key].copy())
        if new:
            second = None if seconds is None else [seconds[place] for place in new]
            vectors[new] = self.encoder.raw_vectors([texts[place] for place in new], second, advance=advance)
            self._keep([keys[place] for place in new], vectors[new])
        return vectors

    def _open(self, described: str) -> None:
        """Make the tables, or check those that are there.

        Args:
            described: all that the vectors depend on.
        """
        with self._faults():
            self._file.execute("PRAGMA trusted_schema=OFF")
            with self._transaction():
                schema = self._file.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
                if not schema:
                    for table in SCHEMA:
                        self._file.execute(table)
                    self._file.execute("INSERT INTO made_by VALUES (?, ?)", (CACHE_FORMAT, described))
                elif sorted(sql for (sql,) in schema) != sorted(SCHEMA):
                    raise ValueError(f"{self.path}: a database, but no cache of vectors. Pass another name.")
                made_by = self._file.execute("SELECT format, encoder FROM made_by").fetchall()
        if made_by != [(CACHE_FORMAT, described)]:
            raise ValueError(
                f"{self.path}: holds the vectors of another encoder, pooling or precision, or of another "
                "version. Pass another name, or delete it."
            )

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors that are in the file, by their keys."""
        size = self.encoder.dim * self._number_type.itemsize
        known = {}
        with self._faults():
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                places = ", ".join("?" * len(some))
                question = f"SELECT key, vector FROM vectors WHERE key IN ({places})"
                for key, vector in self._file.execute(question, some):
                    if not isinstance(vector, bytes) or len(vector) != size:
                        raise ValueError(f"{self.path}: damaged: a vector of another length. Delete it.")
                    known[key] = np.frombuffer(vector, self._number_type)
        return known

    def _keep(self, keys: Sequence[bytes], vectors: Float[Tensor, "n dim"]) -> None:
        """Write vectors; another process may have written some of them by now.

        One that is not finite is not kept: whoever asked for it will refuse it, and may then mend the cause.
        """
        numbers = vectors.numpy().astype(self._number_type)
        finite = np.isfinite(numbers).all(axis=1)
        rows = [
            (key, vector.tobytes())
            for key, vector, is_finite in zip(keys, numbers, finite, strict=True)
            if is_finite
        ]
        with self._faults(), self._transaction():
            self._file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is done within, or nothing."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:  # on a full disk SQLite has ended it by itself
                self._file.execute("ROLLBACK")
            raise

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Tell SQLite's faults with the file that they are of."""
        try:
            yield
        except sqlite3.Error as error:
            raise ValueError(
                f"{self.path}: cannot be used as a cache of vectors ({printable(str(error))}). Pass another "
                "name, or leave predict.cache out."
            ) from error


def _key(*texts: str) -> bytes:
    """What a text, or a pair that is read as one input, is found by."""
    hasher = blake2b(digest_size=16)
    for text in texts:
        encoded = text.encode()
        # The length too: ("a", "bc") is another pair than ("ab", "c").
        hasher.update(len(encoded).to_bytes(8, "little") + encoded)
    return hasher.digest()
