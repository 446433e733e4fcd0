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

from relsym.extras import install_line

ROWS_PER_STEP = 1024


def faiss_version() -> str | None:
    """Name and version of the installed faiss package, or None.

    Conda's builds come without the names that pip's have; they are just "faiss".

    Raises:
        ImportError: faiss-cpu and faiss-gpu are both installed; they overwrite each other's files.
    """
    installed = []
    for name in ("faiss-cpu", "faiss-gpu"):
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    if len(installed) > 1:
        raise ImportError(
            "faiss-cpu and faiss-gpu are both installed and overwrite each other's files: "
            f"pip uninstall -y faiss-cpu faiss-gpu, then {install_line('cpu')} (with a GPU: gpu for cpu)."
        )
    if installed:
        return installed[0]
    return "faiss" if find_spec("faiss") else None


def nearest(queries: Float[Tensor, "n dim"], memory: Float[Tensor, "m dim"], k: int) -> Int[Tensor, "n k"]:
    """Row numbers of the k memory vectors (k <= m) with the highest inner product, best first.

    Equal ones stand in the order of the memory, whichever library searches.

    Raises:
        ValueError: a vector is not finite.
    """
    if not (queries.isfinite().all() and memory.isfinite().all()):
        raise ValueError(
            "nearest-neighbour search met vectors that are not finite: the encoder diverged. Lower "
            "objective.learning_rate."
        )
    queries = queries.contiguous().float()
    memory = memory.contiguous().float()
    if faiss_version():
        return _search_faiss(queries, memory, k)
    return _search_torch(queries, memory, k)


def _search_faiss(queries: Tensor, memory: Tensor, k: int) -> Tensor:
    """The answer of ``nearest`` by faiss, which knows no order of equal similarities."""
    import faiss

    index = _index(faiss, memory)
    index.add(memory.numpy())
    # One neighbour more, to see whether there is a tie at the border of the k best.
    candidates = min(k + 1, len(memory))
    similarity, rows = map(torch.from_numpy, index.search(queries.numpy(), candidates))
    tied = torch.zeros(len(queries), dtype=torch.bool)
    if k < len(memory):
        tied = similarity[:, k - 1] == similarity[:, k]
    similarity, rows = similarity[:, :k], rows[:, :k]

    # faiss returns equal ones in an order of its own: they are put in memory order, and then, by a sort that
    # leaves equal ones as they are, best first.
    in_memory_order = rows.argsort(dim=-1, stable=True)
    rows = rows.gather(1, in_memory_order)
    similarity = similarity.gather(1, in_memory_order)
    best_first = similarity.argsort(dim=-1, descending=True, stable=True)
    rows = rows.gather(1, best_first)

    # faiss takes any of the vectors that tie at the border: there the first in memory order are looked up.
    if tied.any():
        rows[tied] = _search_torch(queries[tied], memory, k)
    return rows


def _index(faiss: ModuleType, memory: Tensor) -> object:
    """An empty index for vectors of the memory's length; on the current GPU with faiss-gpu and a GPU."""
    index = faiss.IndexFlatIP(memory.shape[1])
    if torch.cuda.is_available() and hasattr(faiss, "StandardGpuResources"):
        # On this one GPU alone: faiss would otherwise take all of them, those of other ranks too.
        device = torch.cuda.current_device()
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), device, index)
    return index


def _search_torch(queries: Tensor, memory: Tensor, k: int) -> Tensor:
    """The answer of ``nearest`` by torch, some queries at a time so that the similarities fit in memory."""
    rows = []
    for step in queries.split(ROWS_PER_STEP):
        similarity = step @ memory.T
        # A stable sort, not topk: of equal similarities at the border of the k best, topk takes any.
        best_first = similarity.sort(dim=-1, descending=True, stable=True).indices
        rows.append(best_first[:, :k])
    return torch.cat(rows)
