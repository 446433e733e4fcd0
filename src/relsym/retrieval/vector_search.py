"""Vectors under their row numbers, searched by cosine with faiss; exactly, or faster and nearly so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from relsym.extras import install_line
from relsym.probes.search import faiss_version
from relsym.ranges import PositiveInt

FLAT, IVF, HNSW = "flat", "ivf", "hnsw"
INDEX_KINDS = (FLAT, IVF, HNSW)
LINKS = 32  # of each vector of HNSW, as its authors advise for many dimensions
BUILD_WIDTH = 200  # vectors that HNSW looks at to link a new one
LISTS_BY_ROOT = 4  # lists of IVF by the square root of the vectors, as faiss advises
ROWS_BY_LIST = 39  # vectors that faiss wants for each list that it learns
LEARNT_BY_LIST = 64  # vectors that it learns each list from: more take time and change little
ASKED = 256  # vectors that are looked for to measure the recall
RECALL_AT = 10


class Found(NamedTuple):
    """The vectors nearest to each query, best first.

    cosines: of query and vector.
    rows: of the vectors; -1 where fewer than k were found.
    """

    cosines: Float[ndarray, "n k"]
    rows: Int[ndarray, "n k"]


@final
class VectorSearch:
    """An index of faiss over vectors of length 1.

    Args:
        index: of faiss.
        kind: ``flat`` (exact: every vector is compared), ``ivf`` (vectors lie in lists, and the lists nearest
            to a query are read) or ``hnsw`` (vectors link to their neighbours, and a search follows the
            links). Source: Douze et al. 2024, arXiv:2401.08281; Malkov and Yashunin 2018, arXiv:1603.09320.
    """

    def __init__(self, index: Any, kind: str) -> None:
        self._index = index
        self.kind = kind

    @classmethod
    def build(
        cls, blocks: Sequence[Float[ndarray, "_ dim"]], kind: str, recall: float
    ) -> tuple[VectorSearch, float]:
        """An index of all vectors of the blocks.

        Args:
            blocks: of vectors of length 1, at least one; each is read when it is taken, twice or more.
            kind: see the class.
            recall: share of the ten nearest (and of the ten most opposed) that a search is to find. It is
                made wider until it does, for some of the vectors themselves.

        Returns:
            The index, and the recall that was measured: 1 for an exact one.

        Raises:
            ImportError: faiss is not installed.
        """
        faiss = _faiss()
        count = sum(len(block) for block in blocks)
        dim = blocks[0].shape[1]
        if kind == IVF:
            lists = max(1, min(round(LISTS_BY_ROOT * count**0.5), count // ROWS_BY_LIST))
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
            index.train(_spread(blocks, count, lists * LEARNT_BY_LIST))
        elif kind == HNSW:
            index = faiss.IndexHNSWFlat(dim, LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = BUILD_WIDTH
        else:
            index = faiss.IndexFlatIP(dim)
        for block in blocks:
            index.add(np.ascontiguousarray(block, np.float32))
        search = cls(index, kind)
        sample = _spread(blocks, count, ASKED)
        return search, search._widen(np.concatenate([sample, -sample]), recall)

    @classmethod
    def read(cls, path: Path, kind: str, dim: PositiveInt, count: PositiveInt) -> VectorSearch:
        """An index from its file, which stays on the disk and is mapped into memory.

        Raises:
            ImportError: faiss is not installed.
            ValueError: it is damaged, or another index than is said.
        """
        faiss = _faiss()
        flag = faiss.IO_FLAG_MMAP if kind == IVF else faiss.IO_FLAG_MMAP_IFC
        try:
            index = faiss.read_index(str(path), flag)
        except RuntimeError as error:
            raise ValueError(f"{path}: no readable index of faiss. Build it again.") from error
        expected = {FLAT: faiss.IndexFlatIP, IVF: faiss.IndexIVFFlat, HNSW: faiss.IndexHNSWFlat}[kind]
        if type(index) is not expected or (index.d, index.ntotal) != (dim, count):
            raise ValueError(
                f"{path}: holds {index.ntotal} vectors of {index.d} in {type(index).__name__}, and {count} "
                f"of {dim} in {expected.__name__} were written. Build it again."
            )
        return cls(index, kind)

    def write(self, path: Path) -> None:
        """Write a file that ``read`` reads."""
        _faiss().write_index(self._index, str(path))

    def nearest(self, queries: Float[ndarray, "n dim"], k: PositiveInt) -> Found:
        """The k vectors with the highest cosine to each query.

        Args:
            queries: of length 1.
            k: at most the number of vectors.
        """
        return Found(*self._index.search(np.ascontiguousarray(queries, np.float32), k))

    def most_opposed(self, queries: Float[ndarray, "n dim"], k: PositiveInt) -> Found:
        """The k vectors with the lowest cosine to each query, lowest first: those nearest to minus it."""
        cosines, rows = self.nearest(-queries, k)
        return Found(-cosines, rows)

    @property
    def width(self) -> int:
        """How far a search looks: lists of IVF, vectors in sight of HNSW; 0 where all are compared."""
        if self.kind == IVF:
            return self._index.nprobe
        return self._index.hnsw.efSearch if self.kind == HNSW else 0

    @width.setter
    def width(self, value: int) -> None:
        if self.kind == IVF:
            self._index.nprobe = value
        elif self.kind == HNSW:
            self._index.hnsw.efSearch = value

    def _widen(self, queries: Float[ndarray, "n dim"], recall: float) -> float:
        """Take the narrowest search, of widths that double, that finds what it should.

        Returns:
            The share that it finds; below ``recall`` where even the widest finds less.
        """
        if self.kind == FLAT:
            return 1.0
        k = min(RECALL_AT, self._index.ntotal)
        exact = self._exact(queries, k)
        widest = self._index.nlist if self.kind == IVF else self._index.ntotal
        share, width = 0.0, 1 if self.kind == IVF else min(2 * k, widest)
        while True:
            self.width = width
            share = _recall(self.nearest(queries, k), exact)
            if share >= recall or width == widest:
                return share
            width = min(2 * width, widest)

    def _exact(self, queries: Float[ndarray, "n dim"], k: int) -> Found:
        """What a search finds that compares every vector."""
        if self.kind == HNSW:
            return Found(*self._index.storage.search(queries, k))
        self.width = self._index.nlist
        return self.nearest(queries, k)


def _recall(answers: Found, exact: Found) -> float:
    """The share of the exact answers that were found.

    A vector that is as near as the last exact one counts as found: equal ones have no order.
    """
    last = exact.cosines[:, -1:] - 1e-6
    return float((answers.cosines >= last).mean())


def _spread(
    blocks: Iterable[Float[ndarray, "_ dim"]], count: int, wanted: int
) -> Float[ndarray, "wanted dim"]:
    """Some vectors, at equal distances from the first to the last: all of them where there are no more."""
    chosen = np.linspace(0, count - 1, min(wanted, count)).round().astype(int)
    taken, before = [], 0
    for block in blocks:
        here = chosen[(chosen >= before) & (chosen < before + len(block))]
        taken.append(np.asarray(block[here - before], np.float32))
        before += len(block)
    return np.concatenate(taken)


def _faiss() -> Any:
    """The package faiss.

    Raises:
        ImportError: it is not installed.
    """
    if faiss_version() is None:
        raise ImportError(f"an index needs faiss: {install_line('cpu')} (with a GPU: gpu for cpu).")
    import faiss

    return faiss
