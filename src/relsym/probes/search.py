"""Exact nearest-neighbour search by cosine: faiss where it is installed, torch elsewhere.

The only place that imports faiss.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROWS_PER_STEP = 1024


def faiss_version() -> str | None:
    """Name and version of the installed faiss package, or None. Conda's builds come without the names that
    pip's have.

    Raises:
        ImportError: faiss-cpu and faiss-gpu are both installed; they overwrite each other's files.
    """
    found = {}
    for name in ("faiss-cpu", "faiss-gpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if len(found) > 1:
        raise ImportError(
            "faiss-cpu and faiss-gpu are both installed and overwrite each other's files: "
            'pip uninstall -y faiss-cpu faiss-gpu, then pip install "relsym[cpu]" or "relsym[gpu]".'
        )
    return next(
        (f"{name} {number}" for name, number in found.items()), "faiss" if find_spec("faiss") else None
    )


def nearest(queries: Float[Tensor, "n dim"], memory: Float[Tensor, "m dim"], k: int) -> Int[Tensor, "n k"]:
    """Row numbers of the k memory vectors (k <= m) with the highest inner product, best first; equal ones in
    memory order.

    Raises:
        ValueError: a vector is not finite.
    """
    if not (queries.isfinite().all() and memory.isfinite().all()):
        raise ValueError(
            "nearest-neighbour search met vectors that are not finite: the encoder diverged. Lower "
            "objective.learning_rate."
        )
    queries, memory = queries.contiguous().float(), memory.contiguous().float()
    return _search_faiss(queries, memory, k) if faiss_version() else _search_torch(queries, memory, k)


def _search_faiss(queries: Tensor, memory: Tensor, k: int) -> Tensor:
    import faiss

    index = _index(faiss, memory)
    index.add(memory.numpy())
    similarity, rows = map(torch.from_numpy, index.search(queries.numpy(), min(k + 1, len(memory))))
    # faiss takes any of the vectors that tie at the border of the k best, and returns equal ones in an order
    # of its own.
    tied = (
        similarity[:, k - 1] == similarity[:, k]
        if k < len(memory)
        else torch.zeros(len(queries), dtype=torch.bool)
    )
    similarity, rows = similarity[:, :k], rows[:, :k]
    by_row = rows.argsort(dim=-1, stable=True)
    rows = rows.gather(1, by_row).gather(
        1, similarity.gather(1, by_row).argsort(dim=-1, descending=True, stable=True)
    )
    if tied.any():
        rows[tied] = _search_torch(queries[tied], memory, k)
    return rows


def _index(faiss: ModuleType, memory: Tensor) -> object:
    """A flat index; with faiss-gpu and a GPU on the current GPU only, since faiss would otherwise take all of
    them.
    """
    index = faiss.IndexFlatIP(memory.shape[1])
    if torch.cuda.is_available() and hasattr(faiss, "StandardGpuResources"):
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), torch.cuda.current_device(), index)
    return index


def _search_torch(queries: Tensor, memory: Tensor, k: int) -> Tensor:
    # A stable sort, not topk: of equal similarities at the border of the k best, topk takes any.
    return torch.cat(
        [
            (step @ memory.T).sort(dim=-1, descending=True, stable=True).indices[:, :k]
            for step in queries.split(ROWS_PER_STEP)
        ]
    )
