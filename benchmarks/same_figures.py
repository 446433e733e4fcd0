"""Does a change of the code leave every computed figure as it was?

The same commands by two versions, compared file by file:

    python benchmarks/same_figures.py make FOLDER [--relsym COMMAND]
    python benchmarks/same_figures.py compare BEFORE AFTER

The first runs the commands below (a minute or two) and keeps those that are finished. The second exits with 1
if a figure, an answer or a benchmark differs.

COMMAND is the ``relsym`` of the version that is asked, for example of another environment. Compared are the
metrics and intervals of results.json (seconds and memory left out), the answers in predictions.parquet, and a
benchmark's content hash. Identities of jobs may change on purpose: they are counted, and do not fail. Either
folder may be of format 1 or 2 of results.json, so both are read as plain JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

QUICK = ("model=tiny", "tracking=csv", "training.epochs=3", "data.samples=32", "data.test_pairs=100")
OBJECTIVES = ("random_label", "knn", "knn_learnt", "finetune")
IDENTITIES = ("job_hash", "cell_hash", "config_hash", "rows_hash", "benchmark_hash")
# Where results.json of format 2 holds what stood at its top before.
IN_BENCHMARK = {"rows_hash": "rows_hash", "benchmark_hash": "content_hash"}


def commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """Name -> the words after ``relsym``: one run of each objective, benchmarks, an evaluation, a sweep of
    four, one real encoder.
    """
    runs = {
        objective: ("train", f"objective={objective}", *QUICK, f"hydra.run.dir={folder / objective}")
        for objective in OBJECTIVES
    }
    runs["remedies"] = (
        "train",
        "objective=finetune",
        "recipe=[l2sp,wise_ft]",
        *QUICK,
        f"hydra.run.dir={folder / 'remedies'}",
    )
    for benchmark in ("contrast", "held_out"):
        runs[benchmark] = ("build", f"benchmark={benchmark}", f"hydra.run.dir={folder / benchmark}")
    on_contrast = ("data=built", f"data.folder={folder / 'contrast'}", "tracking=csv", "data.test_pairs=210")
    runs["evaluation"] = ("evaluate", "model=tiny", *on_contrast, f"hydra.run.dir={folder / 'evaluation'}")
    runs["look_up"] = (
        "evaluate",
        "model=shortcut/template_lookup",
        *on_contrast,
        f"hydra.run.dir={folder / 'look_up'}",
    )
    runs["run_again"] = (
        "evaluate",
        "model=run",
        f"model.folder={folder / 'knn'}",
        *on_contrast,
        f"hydra.run.dir={folder / 'run_again'}",
    )
    runs["fold"] = (
        "train",
        "data=built",
        f"data.folder={folder / 'held_out'}",
        "data.fold=fixed",
        *QUICK,
        f"hydra.run.dir={folder / 'fold'}",
    )
    runs["sweep"] = (
        "train",
        "-m",
        "objective=knn,random_label",
        "seed=0,1",
        *QUICK,
        f"hydra.sweep.dir={folder / 'sweep'}",
    )
    runs["bundled"] = (
        "train",
        "model=bundled",
        "objective=knn",
        *QUICK[1:],
        f"hydra.run.dir={folder / 'bundled'}",
    )
    return runs


def make(folder: Path, relsym: list[str]) -> None:
    """Run every command that has not ended yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in commands(folder.absolute()).items():
        done = folder / f"{name}.done"
        if not done.exists():
            print("relsym", *words, flush=True)
            subprocess.run(
                [*relsym, *words],
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            done.touch()


def compare(before: Path, after: Path) -> int:
    """Print what was compared and what differs; the number of differences."""
    differences = []
    counts = {"results": 0, "metrics": 0, "intervals": 0, "answers": 0, "benchmarks": 0}
    changed = dict.fromkeys(IDENTITIES, 0)
    paths = [*sorted(before.rglob("results.json")), *sorted(before.rglob("manifest.json"))]
    files = [path.relative_to(before) for path in paths]
    for file in files:
        one, two = (json.loads((folder / file).read_text(encoding="utf-8")) for folder in (before, after))
        if file.name == "manifest.json":
            counts["benchmarks"] += 1
            if one["content_hash"] != two["content_hash"]:
                differences.append(f"{file}: content_hash")
            continue
        counts["results"] += 1
        for part in ("metrics", "intervals"):
            counts[part] += len(one[part])
            differences += [f"{file}: {part} {key}" for key in differing(one[part], two[part])]
        for key in IDENTITIES:
            changed[key] += identity_of(one, key) != identity_of(two, key)
        counts["answers"] += compare_answers(before / file.parent, after / file.parent, differences)
    print(", ".join(f"{count} {what}" for what, count in counts.items()) + f"; {len(differences)} differ")
    print("identities that differ:", ", ".join(f"{key} {count}" for key, count in changed.items()))
    print(*differences[:50], sep="\n")
    return len(differences) + (not counts["results"])


def differing(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """The keys whose values are not the same, or that one of them lacks."""
    return sorted(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))


def identity_of(results: dict[str, Any], key: str) -> str | None:
    """One of ``IDENTITIES``, wherever the format of the results holds it."""
    if key in IN_BENCHMARK and results.get("format", 1) > 1:
        return results["benchmark"][IN_BENCHMARK[key]]
    return results.get(key)


def compare_answers(before: Path, after: Path, differences: list[str]) -> int:
    """Add to ``differences`` if two prediction files are not equal; the number of rows compared."""
    one, two = (pl.read_parquet(folder / "predictions.parquet", glob=False) for folder in (before, after))
    if not one.equals(two):
        differences.append(f"{before.name}: predictions.parquet")
    return len(one)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    making = actions.add_parser("make")
    making.add_argument("folder", type=Path)
    making.add_argument("--relsym", default=f"{sys.executable} -m relsym")
    comparing = actions.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options: Any = parser.parse_args()
    if options.action == "make":
        make(options.folder, shlex.split(options.relsym))
    else:
        sys.exit(min(compare(options.before, options.after), 1))


if __name__ == "__main__":
    main()
