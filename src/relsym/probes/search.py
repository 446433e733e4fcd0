"""Exact nearest-neighbour search by cosine: faiss where it is installed, torch elsewhere. The only place that imports faiss."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROWS_PER_STEP = 4096


def faiss_version() -> str | None:
    """Name and version of the installed faiss package, or None.

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
        raise ImportError("faiss-cpu and faiss-gpu are both installed and overwrite each other's files: "
                          'pip uninstall -y faiss-cpu faiss-gpu, then pip install "relsym[cpu]" or "relsym[gpu]".')
    return next((f"{name} {number}" for name, number in found.items()), None)


def nearest(queries: Float[Tensor, "n dim"], memory: Float[Tensor, "m dim"], k: int) -> Int[Tensor, "n k"]:
    """Row numbers of the k memory vectors with the highest inner product, best first; equal ones in memory order.

    Raises:
        ValueError: k exceeds the memory.
    """
    if k > len(memory):
        raise ValueError(f"probe.k={k}: the memory has only {len(memory)} rows. Lower probe.k or raise data.samples.")
    search = _search_faiss if faiss_version() else _search_torch
    similarity, rows = search(queries.contiguous().float(), memory.contiguous().float(), k)
    # Both searches return equal similarities in an order of their own; memory order makes them agree.
    by_row = rows.argsort(dim=-1, stable=True)
    by_similarity = similarity.gather(1, by_row).argsort(dim=-1, descending=True, stable=True)
    return rows.gather(1, by_row).gather(1, by_similarity)


def _search_faiss(queries: Tensor, memory: Tensor, k: int) -> tuple[Tensor, Tensor]:
    import faiss

    index = _index(faiss, memory)
    index.add(memory.numpy())
    similarity, rows = index.search(queries.numpy(), k)
    return torch.from_numpy(similarity), torch.from_numpy(rows)


def _index(faiss: ModuleType, memory: Tensor) -> object:
    """A flat index; with faiss-gpu and a GPU on the current GPU only, since faiss would otherwise take all of them."""
    index = faiss.IndexFlatIP(memory.shape[1])
    if torch.cuda.is_available() and hasattr(faiss, "StandardGpuResources"):
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), torch.cuda.current_device(), index)
    return index


def _search_torch(queries: Tensor, memory: Tensor, k: int) -> tuple[Tensor, Tensor]:
    steps = [(step @ memory.T).topk(k, dim=-1) for step in queries.split(ROWS_PER_STEP)]
    return torch.cat([s.values for s in steps]), torch.cat([s.indices for s in steps])
