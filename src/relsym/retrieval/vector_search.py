"""Vectors under their row numbers, searched by cosine with faiss; exactly, or faster and nearly so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
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
            recall: share of the ten nearest, and of the ten most opposed, that a search is to find. It is
                made wider until it does, for some of the vectors themselves, each left out of its own
                answer.

        Returns:
            The index, and the recall that was measured, the lower of the two: 1 for an exact one.

        Raises:
            ImportError: faiss is not installed.
        """
        faiss = faiss_package()
        count = sum(len(block) for block in blocks)
        dim = blocks[0].shape[1]
        if kind == IVF:
            lists = max(1, min(round(LISTS_BY_ROOT * count**0.5), count // ROWS_BY_LIST))
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
            index.train(_taken(blocks, _places(count, lists * LEARNT_BY_LIST)))
        elif kind == HNSW:
            index = faiss.IndexHNSWFlat(dim, LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = BUILD_WIDTH
        else:
            index = faiss.IndexFlatIP(dim)
        for block in blocks:
            index.add(np.ascontiguousarray(block, np.float32))
        search = cls(index, kind)
        asked = _places(count, ASKED)
        return search, search._widen(_taken(blocks, asked), asked, recall)

    @classmethod
    def read(cls, path: Path, kind: str, dim: PositiveInt, count: PositiveInt) -> VectorSearch:
        """An index from its file, which stays on the disk and is mapped into memory.

        Raises:
            ImportError: faiss is not installed.
            ValueError: it is damaged, or another index than is said.
        """
        faiss = faiss_package()
        # faiss maps lists one way and vectors another, which versions before 1.11 read whole.
        mapped = faiss.IO_FLAG_MMAP if kind == IVF else getattr(faiss, "IO_FLAG_MMAP_IFC", 0)
        try:
            index = faiss.read_index(str(path), mapped | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError as error:
            raise ValueError(f"{path}: no readable index of faiss. Build it again.") from error
        expected = {FLAT: faiss.IndexFlatIP, IVF: faiss.IndexIVFFlat, HNSW: faiss.IndexHNSWFlat}[kind]
        if type(index) is not expected or (index.d, index.ntotal) != (dim, count):
            raise ValueError(
                f"{path}: holds {index.ntotal} vectors of {index.d} in {type(index).__name__}, and {count} "
                f"of {dim} in {expected.__name__} were written. Build it again."
            )
        if kind == IVF:
            lists = faiss.downcast_InvertedLists(index.invlists)
            # A file may say that its lists lie in another one, anywhere here. Its own have no name.
            if getattr(lists, "filename", ""):
                raise ValueError(f"{path}: its lists are in another file. Build it again.")
        return cls(index, kind)

    def write(self, path: Path) -> None:
        """Write a file that ``read`` reads."""
        faiss_package().write_index(self._index, str(path))

    def nearest(self, queries: Float[ndarray, "n dim"], k: PositiveInt) -> Found:
        """The k vectors with the highest cosine to each query.

        Args:
            queries: of length 1.
            k: at most the number of vectors.
        """
        if self.kind == FLAT:
            return Found(*self._index.search(np.ascontiguousarray(queries, np.float32), k))
        width, widest = self.width * ceil(k / RECALL_AT), self._widest
        while True:
            answers = self._searched(queries, k, min(width, widest))
            # Lists of fewer than k vectors in all: more of them are read.
            if width >= widest or (answers.rows >= 0).all():
                return answers
            width *= 2

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

    @property
    def _widest(self) -> int:
        """The width at which nothing is left out."""
        return self._index.nlist if self.kind == IVF else self._index.ntotal

    def _searched(self, queries: Float[ndarray, "n dim"], k: int, width: int) -> Found:
        """What a search of this width finds; the index itself stays as it is."""
        # Without a look for the package, which takes as long as a search: whoever has an index has faiss.
        import faiss

        if self.kind == IVF:
            how = faiss.SearchParametersIVF(nprobe=width)
        else:
            how = faiss.SearchParametersHNSW(efSearch=max(width, k))
        return Found(*self._index.search(np.ascontiguousarray(queries, np.float32), k, params=how))

    def _widen(self, vectors: Float[ndarray, "n dim"], own: Int[ndarray, " n"], recall: float) -> float:
        """Take the narrowest search, of widths that double, that finds what it should.

        Args:
            vectors: of the index, that are looked for.
            own: their rows.
            recall: of ``build``.

        Returns:
            The share that it finds; below ``recall`` where even the widest finds less.
        """
        k = min(RECALL_AT, self._index.ntotal - 1)
        if self.kind == FLAT or k == 0:
            return 1.0
        asked = {1: vectors, -1: -vectors}
        exact = {sign: self._exact(queries, k + 1) for sign, queries in asked.items()}
        width = 1 if self.kind == IVF else 2 * k
        while True:
            width = min(width, self._widest)
            shares = []
            for sign, queries in asked.items():
                shares.append(_recall(self._searched(queries, k + 1, width), exact[sign], own))
            if min(shares) >= recall or width == self._widest:
                self.width = width
                return min(shares)
            width *= 2

    def _exact(self, queries: Float[ndarray, "n dim"], k: int) -> Found:
        """What a search finds that compares every vector."""
        if self.kind == HNSW:
            return Found(*self._index.storage.search(queries, k))
        return self._searched(queries, k, self._widest)


def _recall(answers: Found, exact: Found, own: Int[ndarray, " n"]) -> float:
    """The share of the exact answers that were found, each query's own row left out.

    A vector that is as near as the last exact one counts as found: equal ones have no order.

    Args:
        answers, exact: of k + 1 rows, so that k are left without the query's own.
        own: row of each query.
    """
    k = exact.rows.shape[1] - 1
    others = exact.rows != own[:, None]
    # The query's own vector is mostly the first; where it is not among them the last one is too many.
    last_place = np.where(others.all(axis=1), k - 1, k)
    last = np.take_along_axis(exact.cosines, last_place[:, None], axis=1) - 1e-6
    there = (answers.cosines >= last) & (answers.rows != own[:, None]) & (answers.rows >= 0)
    return float(there.sum(axis=1).clip(max=k).mean() / k)


def _places(count: int, wanted: int) -> Int[ndarray, " n"]:
    """Some rows, at equal distances from the first to the last: all of them where there are no more."""
    return np.linspace(0, count - 1, min(wanted, count)).round().astype(int)


def _taken(blocks: Iterable[Float[ndarray, "_ dim"]], chosen: Int[ndarray, " n"]) -> Float[ndarray, "n dim"]:
    """The vectors of these rows, which go up."""
    taken, before = [], 0
    for block in blocks:
        here = chosen[(chosen >= before) & (chosen < before + len(block))]
        taken.append(np.asarray(block[here - before], np.float32))
        before += len(block)
    return np.concatenate(taken)


def faiss_package() -> Any:
    """The package faiss, imported when it is needed.

    Raises:
        ImportError: it is not installed.
    """
    if faiss_version() is None:
        raise ImportError(f"an index needs faiss: {install_line('cpu')} (with a GPU: gpu for cpu).")
    import faiss

    return faiss
