"""What a result has to be traced back: configuration, code, versions, memory."""

from __future__ import annotations

import copy
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import relsym
from relsym.runs.identity import computed, digest
from relsym.runs.results import Settings

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "tokenizers",
    "torchmetrics",
    "hydra-core",
    "scikit-learn",
    "faiss-cpu",
    "faiss-gpu",
)
# What the sides of the split say: a table tells folds apart, and the headline is a mean over them.
FOLDS = (("data", "fold"), ("data", "module", "benchmark", "fold"))
# The run's seed and where the configuration repeats it; another seed, such as that of model=tiny, is a
# setting.
SEEDS = (
    ("seed",),
    ("objective", "seed"),
    ("data", "sample_seed"),
    ("data", "module", "sample_seed"),
    ("data", "module", "seed"),
)


def config_hash(config: dict[str, Any]) -> str:
    """SHA-256 of the resolved configuration, without what cannot change a result."""
    return digest(computed(config))


def setting_hashes(config: dict[str, Any], untrained_metric: str) -> Settings:
    """What runs share that differ in nothing but the seed: how rows were drawn, how the untrained encoder was
    read, and everything.

    ``ladder`` is shared by runs that differ in the number of samples too.
    """
    kept = copy.deepcopy(computed(config))
    for *path, last in (*SEEDS, *FOLDS):
        node = kept
        for key in path:
            node = node.get(key, {})
        node.pop(last, None)
    read = {key: kept[key] for key in ("data", "model", "precision", "init")}
    data, encoder = digest(kept["data"]), digest({**read, "metric": untrained_metric})
    everything = digest(kept)
    for node in (kept["data"], kept["data"].get("module", {})):
        node.pop("samples", None)
    return Settings(data, encoder, everything, ladder=digest(kept))


def rows_hash(pair_ids: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 of which rows were scored, form by form: results on other rows are another table."""
    return digest({form: list(ids) for form, ids in pair_ids.items()})


def git_commit() -> str | None:
    """Commit of the source tree that relsym is imported from, ``-dirty`` if files differ from it; None for an
    installed wheel.
    """
    package = Path(relsym.__file__).parent
    root = package.parent.parent
    if package.parent.name != "src" or not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Versions of relsym, Python and the packages that can move a number."""
    found = {"relsym": relsym.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def peak_memory(gpu_bytes: int) -> dict[str, float]:
    """Largest resident memory of this process so far, in GiB, and of the GPU if one was used.

    Args:
        gpu_bytes: the most that was allocated on a GPU; 0 without one.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    memory = {"peak_gib": peak}
    if gpu_bytes:
        memory["peak_gpu_gib"] = gpu_bytes / 2**30
    return memory
