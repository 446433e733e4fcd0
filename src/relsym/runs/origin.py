"""What a result can be traced back by: hashes of its configuration, commit, versions, memory."""

from __future__ import annotations

import copy
import logging
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import relsym
from relsym.runs.identity import computed, digest
from relsym.runs.results import Settings

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None

log = logging.getLogger(__name__)

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
# Which fold is held out: it is recorded with the benchmark, and the headline is a mean over the folds.
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
    """Hashes of what runs share that differ in nothing but the seed.

    They are of how rows were drawn, of how the untrained encoder was read, of everything, and of everything
    but the number of samples, which runs of one ladder do not share.

    Args:
        config: resolved, as plain values; it is not changed.
        untrained_metric: the metric that the untrained encoder was read by.
    """
    shared = copy.deepcopy(computed(config))
    for path in (*SEEDS, *FOLDS):
        _remove(shared, path)
    data = digest(shared["data"])
    # How the untrained encoder was read does not depend on the objective, nor on the metric that it trains.
    reading = {key: shared[key] for key in ("data", "model", "precision", "init")}
    encoder = digest({**reading, "metric": untrained_metric})
    everything = digest(shared)
    shared["data"].pop("samples", None)
    shared["data"].get("module", {}).pop("samples", None)
    return Settings(data, encoder, everything, ladder=digest(shared))


def _remove(config: dict[str, Any], path: Sequence[str]) -> None:
    """Take a nested key out of a configuration, if it has it."""
    *above, last = path
    node = config
    for key in above:
        node = node.get(key, {})
    node.pop(last, None)


def rows_hash(pair_ids: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 of which rows were scored, form by form: results on other rows are another table."""
    return digest({form: list(ids) for form, ids in pair_ids.items()})


def git_commit() -> str | None:
    """Commit of the source tree that relsym is imported from, with ``-dirty`` if files differ from it.

    None for an installed wheel, and where git does not answer.
    """
    package = Path(relsym.__file__).parent
    root = package.parent.parent
    if package.parent.name != "src" or not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changes else commit


def _git(root: Path, *words: str) -> str:
    """What a command of git prints about a source tree."""
    ended = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of relsym, Python and the packages that can move a number."""
    installed = {"relsym": relsym.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def peak_memory(gpu_bytes: int) -> dict[str, float]:
    """Largest resident memory of this process so far, in GiB, and of the GPU if one was used.

    The process's own is left out, and the log says so, on a system that does not tell (Windows).

    Args:
        gpu_bytes: the most that was allocated on a GPU; 0 without one.
    """
    memory = {}
    if resource is None:
        log.warning(
            "peak memory is not recorded: this system (%s) has no module resource. Linux and macOS have it.",
            sys.platform,
        )
    else:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        units_per_gib = 2**30 if sys.platform == "darwin" else 2**20  # macOS counts bytes, Linux KiB
        memory["peak_gib"] = largest / units_per_gib
    if gpu_bytes:
        memory["peak_gpu_gib"] = gpu_bytes / 2**30
    return memory
