"""What ``relsym report`` costs as models are added, beside the fewest: CPU seconds, peak memory, files.

The models are copies of one evaluation, each with its answers shuffled within every form, so that all of them
differ. Memory and time of the statistics should grow with the number of models; what is written about each
pair grows with the pairs.

    relsym evaluate model=bundled hydra.run.dir=EVALUATION
    python benchmarks/report.py EVALUATION --models 25 50 100 200
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relsym.runs.layout import PREDICTIONS, RESULTS
from runs import markdown


class Cost(NamedTuple):
    """What one report took: CPU seconds, peak memory in MiB, and the size of its files in MiB."""

    seconds: float
    memory: float
    files: float


def write_models(evaluation: Path, number: int, folder: Path) -> None:
    """So many models that differ, each in a folder of its own."""
    generator = np.random.default_rng(0)
    results = json.loads((evaluation / RESULTS).read_text(encoding="utf-8"))
    answers = pl.read_parquet(evaluation / PREDICTIONS)
    forms = answers["form"].to_numpy()
    for model in range(number):
        run = folder / f"model-{model}"
        run.mkdir(parents=True)
        own = {"model": f"model {model}", "job_hash": f"{model:064x}", "config_hash": f"{model:064x}"}
        (run / RESULTS).write_text(json.dumps(results | own), encoding="utf-8")
        correct = answers["correct"].to_numpy().copy()
        for form in results["rows"]:
            of_form = forms == form
            correct[of_form] = generator.permutation(correct[of_form])
        answers.with_columns(pl.Series("correct", correct)).write_parquet(run / PREDICTIONS)


def cost_of_report(inputs: Path, out: Path) -> Cost:
    """Report on a folder, in a process of its own that measures itself at its end."""
    measured = (
        "import resource, sys; from relsym.app.report.__main__ import main; main(); "
        "used = resource.getrusage(resource.RUSAGE_SELF); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)"
    )
    command = [sys.executable, "-c", measured, f"inputs={inputs}", f"hydra.run.dir={out}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, kibibytes = map(float, done.stderr.split()[-2:])
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Cost(seconds, kibibytes / 2**10, size / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("evaluation", type=Path, help="the folder of a finished evaluation")
    parser.add_argument("--models", type=int, nargs="+", default=[25, 50, 100, 200])
    arguments = parser.parse_args()
    rows, first = [], None
    for number in sorted(arguments.models):
        with tempfile.TemporaryDirectory() as folder:
            inputs = Path(folder) / "runs"
            write_models(arguments.evaluation, number, inputs)
            cost = cost_of_report(inputs, Path(folder) / "report")
        first = first or cost
        ratios = [f"{value / least:.1f}" for value, least in zip(cost, first, strict=True)]
        figures = [f"{cost.seconds:.1f}", f"{cost.memory:.0f}", f"{cost.files:.0f}"]
        rows.append((number, number * (number - 1) // 2, *figures, *ratios))
    figures = ("CPU seconds", "MiB at its peak", "MiB of files")
    times = tuple(f"{name}, times" for name in figures)
    print(markdown(("models", "pairs", *figures, *times), rows))


if __name__ == "__main__":
    main()
