"""Rows per second of our causal language models against lm-evaluation-harness: same weights, same rows, same
wordings, same tokens.

    python benchmarks/evaluate_llm.py --out evaluate_llm.json          # pip install ".[lm_eval,smollm2]"

The exported task folder is what the harness runs. Loading weights and building tasks is left out on both
sides, tokenising is not; the harness first tries its batch sizes on an eighth of the rows and keeps the best,
ours runs as it comes. Rounds are interleaved, so that a busy machine slows both alike. Medians are reported,
with the range, and how far the log-likelihoods lie apart.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import polars as pl
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers.utils.logging import disable_progress_bar

from relsym.data.pairs import Row
from relsym.models.causal_lm import CausalLm
from relsym.models.prompts import read_prompts
from relsym.models.smollm2 import converted, find_gguf, verified_sha256
from runs import markdown

LABELS = ("entailment", "contradiction")
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
BATCHES = (4, 8, 16, 32)
# Label words of two tokens: with the same first one, which the harness too reads once, and with none in
# common.
WORDINGS = {
    "yes_no": {"entailment": "yes", "contradiction": "no"},
    "certainly": {"entailment": "certainly true", "contradiction": "certainly false"},
    "early": {"entailment": "quite true", "contradiction": "rather false"},
}
CASES = (
    ("yes_no", 0, "0 shots, one token"),
    ("yes_no", 4, "4 shots, one token"),
    ("certainly", 0, "0 shots, two tokens, the first shared"),
    ("early", 0, "0 shots, two tokens"),
)


def exported(folder: Path, rows: int) -> tuple[Path, list[Row], list[Row]]:
    """The task folder, its rows and its labelled examples."""
    (prompt,) = read_prompts("yes_no")
    (folder / "wordings.yaml").write_text(
        yaml.safe_dump({name: {"text": prompt.text, "answers": words} for name, words in WORDINGS.items()})
    )
    out = folder / "out"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "relsym",
            "export",
            f"prompts={folder / 'wordings.yaml'}",
            "data.samples=8",
            f"data.test_pairs={rows}",
            "forms=[lexicalised]",
            f"hydra.run.dir={out}",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    scored, examples = (
        [
            Row(**{name: line.get(name, "") for name in Row._fields})
            for line in pl.read_parquet(out / f"{name}.parquet").to_dicts()
        ]
        for name in ("rows", "examples")
    )
    return out, scored, examples


class Ours:
    """One wording, some labelled examples."""

    def __init__(
        self,
        weights: str,
        folder: Path,
        name: str,
        shots: int,
        precision: str,
        examples: list[Row],
        loaded: CausalLm | None,
    ) -> None:
        self.model = loaded or CausalLm(
            weights, None, prompts=str(folder / "wordings.yaml"), precision=precision
        )
        self.name, self.shots, self.examples = name, shots, examples

    def __call__(self, rows: list[Row]) -> list[list[float]]:
        (prompt,) = (prompt for prompt in self.model.prompts if prompt.name == self.name)
        self.model.examples = self.examples[: self.shots]
        texts = [self.model.text_of(prompt, row.premise, row.hypothesis) for row in rows]
        return self.model.likelihoods_of(texts, list(WORDINGS[self.name].values()), lambda count: None)


class Theirs:
    """The same questions as the harness's own requests, answered by its own model class."""

    def __init__(self, lm: HFLM, out: Path, name: str, shots: int) -> None:
        self.lm = lm
        manager = TaskManager(include_path=str(out), include_defaults=False)
        (self.task,) = _tasks(manager.load([f"relsym_{name}_lexicalised"]))
        self.task.set_config("num_fewshot", shots)

    def requests(self, count: int) -> list:
        self.task.build_all_requests(limit=count)
        return self.task.instances

    def __call__(self, requests: list, size: int) -> list[list[float]]:
        self.lm.batch_size_per_gpu = size
        values = [value for value, _ in self.lm.loglikelihood(requests, disable_tqdm=True)]
        return [values[place : place + 2] for place in range(0, len(values), 2)]


def _tasks(loaded: object) -> list:
    """Task objects of whatever the manager gives, a dictionary by name or one of dictionaries."""
    if not isinstance(loaded, dict):
        return [loaded]
    return [task for value in (loaded.get("tasks", loaded)).values() for task in _tasks(value)]


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare(
    case: tuple[str, int, str], precision: str, ours: Ours, theirs: Theirs, rows: list[Row], rounds: int
) -> dict:
    """Seconds of both, round by round."""
    requests, tried = theirs.requests(len(rows)), max(16, len(rows) // 8)
    size = min(BATCHES, key=lambda size: seconds(lambda: theirs(requests[: 2 * tried], size)))
    ours(rows[:tried])
    times: dict[str, list[float]] = {"ours": [], "lm-eval": []}
    for _ in range(rounds):
        times["ours"].append(seconds(lambda: ours(rows)))
        times["lm-eval"].append(seconds(lambda: theirs(requests, size)))
    apart = max(
        abs(one - two)
        for left, right in zip(ours(rows), theirs(requests, size), strict=True)
        for one, two in zip(left, right, strict=True)
    )
    rates = {name: [len(rows) / value for value in values] for name, values in times.items()}
    return {
        "case": case[2],
        "precision": precision,
        "rows": len(rows),
        "batch_size": size,
        "rates": rates,
        "largest_difference": apart,
        "ratio": median(times["lm-eval"]) / median(times["ours"]),
    }


def table(found: list[dict]) -> str:
    def rate(values: list[float]) -> str:
        return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"

    return markdown(
        (
            "case",
            "precision",
            "relsym rows/s",
            "lm-eval rows/s (batch size)",
            "ratio",
            "log-likelihoods apart by at most",
        ),
        [
            (
                one["case"],
                one["precision"],
                rate(one["rates"]["ours"]),
                f"{rate(one['rates']['lm-eval'])} ({one['batch_size']})",
                f"{one['ratio']:.2f}",
                f"{one['largest_difference']:.1e}",
            )
            for one in found
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=190)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precisions", nargs="+", choices=tuple(DTYPES), default=list(DTYPES))
    parser.add_argument(
        "--cases",
        nargs="+",
        type=int,
        default=list(range(len(CASES))),
        help="; ".join(f"{n}: {c[2]}" for n, c in enumerate(CASES)),
    )
    parser.add_argument("--out", type=Path, help="JSON file")
    arguments = parser.parse_args()
    disable_progress_bar()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    machine = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
    }
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    found = []
    with TemporaryDirectory() as folder:
        out, rows, examples = exported(Path(folder), arguments.rows)
        gguf = find_gguf()
        weights = str(converted(gguf, verified_sha256(gguf)))
        for precision in arguments.precisions:
            lm, loaded = HFLM(pretrained=weights, dtype=DTYPES[precision], device="cpu", batch_size=8), None
            for case in (CASES[number] for number in arguments.cases):
                ours = Ours(weights, Path(folder), case[0], case[1], precision, examples, loaded)
                loaded = ours.model
                found.append(
                    compare(case, precision, ours, Theirs(lm, out, case[0], case[1]), rows, arguments.rounds)
                )
                print(table(found[-1:]).splitlines()[-1], flush=True)
    print("\n" + table(found))
    if arguments.out:
        arguments.out.write_text(
            json.dumps({"machine": machine, "model": "SmolLM2-135M-Instruct", "results": found}, indent=1)
            + "\n"
        )


if __name__ == "__main__":
    main()
