"""How fast ``relsym evaluate`` measures.

    python benchmarks/evaluate.py
    python benchmarks/evaluate.py --rows 100000 --folder OUT

The first counts the pairs per second of a cross-encoder against the transformers text-classification
pipeline. The second scores so many generated pairs of each form with the bundled encoder, and is killed once.

The cross-encoder has the bundled encoder's weights and an untrained head: the work is that of a trained one.
Every contender first tries its batch sizes on a tenth of the pairs and keeps the best; then rounds are
interleaved, so that a busy machine slows all alike. Loading is left out, tokenisation is not. Medians are
reported.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
from transformers.utils.logging import disable_progress_bar

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.relations import read_relations
from relsym.data.sources.mini import Mini
from relsym.encoders.bundled import find_weights
from relsym.models.nli import CrossEncoder
from relsym.runs.layout import RESULTS
from relsym.runs.results import read_results
from runs import markdown

PIPELINE, ROW_BY_ROW = "transformers pipeline fp32", "transformers pipeline fp32, row by row"
Pairs = list[tuple[str, str]]
Answer = Callable[[Pairs, int], object]


def pairs_of(count: int) -> Pairs:
    """Premises and hypotheses of the embedded benchmark in all seven variants, both forms, in a
    fixed order.
    """
    benchmark = SymmetryBenchmark(Mini())
    variants = [
        "swap",
        "negated_swap",
        "identity",
        "negated_identity",
        "paraphrase",
        "converse",
        "swapped_converse",
    ]
    rows = [
        row
        for split in ("train", "validation", "test")
        for row in benchmark.pairs(benchmark.draw(split, 0), variants)
    ]
    pairs = list(
        dict.fromkeys(
            pair
            for row in rows
            for pair in ((row.premise, row.hypothesis), (row.premise_delex, row.hypothesis_delex))
        )
    )
    random.Random(0).shuffle(pairs)
    return pairs[:count]


def classifier(folder: Path) -> str:
    """The bundled encoder with an untrained head of three classes."""
    source = str(find_weights().parent)
    labels = {0: "entailment", 1: "neutral", 2: "contradiction"}
    model = AutoModelForSequenceClassification.from_pretrained(
        source, num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return str(folder)


def ours(folder: str, precision: str) -> Answer:
    model = CrossEncoder(folder, None, None, False, 256, None, False, precision, "cpu")

    def answer(pairs: Pairs, size: int) -> torch.Tensor:
        model.tokens_per_batch = size
        return model.probabilities([premise for premise, _ in pairs], [hypothesis for _, hypothesis in pairs])

    return answer


def contenders(folder: str) -> dict[str, tuple[Answer, tuple[int, ...]]]:
    """Name -> answering function and the batch sizes to choose from (tokens for ours, pairs for the
    pipeline).
    """
    theirs = pipeline("text-classification", model=folder, device="cpu", top_k=None)

    def answer(pairs: Pairs, size: int) -> object:
        return theirs(
            [{"text": premise, "text_pair": hypothesis} for premise, hypothesis in pairs], batch_size=size
        )

    tokens = (1024, 2048, 4096, 8192)
    return {
        "relsym fp32": (ours(folder, "fp32"), tokens),
        "relsym bf16": (ours(folder, "bf16"), tokens),
        PIPELINE: (answer, (8, 16, 32, 64, 128)),
        ROW_BY_ROW: (answer, (1,)),
    }


def seconds(answer: Answer, pairs: Pairs, size: int) -> float:
    started = time.perf_counter()
    answer(pairs, size)
    return time.perf_counter() - started


def compare(count: int, rounds: int, folder: str) -> str:
    pairs, racers = pairs_of(count), contenders(folder)
    sizes = {
        name: min(choices, key=lambda size, a=answer: seconds(a, pairs[::10], size))
        for name, (answer, choices) in racers.items()
    }
    times: dict[str, list[float]] = {name: [] for name in racers}
    for _ in range(rounds):
        for name, (answer, _) in racers.items():
            times[name].append(seconds(answer, pairs, sizes[name]))
    middle = {name: median(found) for name, found in times.items()}
    rows = [
        (
            name,
            sizes[name],
            f"{len(pairs) / middle[name]:.0f}",
            f"{len(pairs) / max(times[name]):.0f} to {len(pairs) / min(times[name]):.0f}",
            f"{middle[PIPELINE] / middle[name]:.2f}",
            f"{middle[ROW_BY_ROW] / middle[name]:.2f}",
        )
        for name in racers
    ]
    table = markdown(
        ("model", "batch size", "pairs/s (median)", "range", "ratio to the pipeline", "ratio to row by row"),
        rows,
    )
    return table + deviations(pairs, racers)


def deviations(pairs: Pairs, racers: dict[str, tuple[Answer, tuple[int, ...]]]) -> str:
    """Largest difference of any probability."""
    fp32, bf16 = (racers[name][0](pairs, 4096) for name in ("relsym fp32", "relsym bf16"))
    names = ("entailment", "neutral", "contradiction")
    told = [{one["label"]: one["score"] for one in scores} for scores in racers[PIPELINE][0](pairs, 32)]
    theirs = torch.tensor([[scores[name] for name in names] for scores in told])
    return (
        f"\nlargest deviation of a probability: fp32 from the pipeline {(fp32 - theirs).abs().max():.1e}, "
        f"bf16 from fp32 {(bf16 - fp32).abs().max():.1e}\n"
    )


def generate(folder: Path, rows: int) -> None:
    """Facts about made-up entities in the layout of the Wikidata5M raw files, enough for so many
    test rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names, relations, number = random.Random(0), read_relations(), 1
    share = {
        kind: sum(relation.kind == kind for relation in relations.values())
        for kind in ("symmetric", "antisymmetric")
    }
    with (
        open(folder / "triples.tsv", "w", encoding="utf-8") as triples,
        open(folder / "entities.tsv", "w", encoding="utf-8") as entities,
    ):
        for property, relation in relations.items():
            for _ in range(
                int(2.2 * rows / share[relation.kind]) + 10
            ):  # a quarter of the facts is for testing
                triples.write(f"Q{number}\t{property}\tQ{number + 1}\n")
                for entity in (number, number + 1):
                    words = [
                        "".join(names.choices("aeiourstlnm", k=names.randint(3, 8))).capitalize()
                        for _ in range(names.randint(1, 3))
                    ]
                    entities.write(f"Q{entity}\t{' '.join(words)} {entity}\n")
                number += 2


def in_one_go(rows: int, folder: Path, precision: str) -> str:
    """``relsym evaluate`` on generated facts, killed after three shards and started again."""
    if not (folder / "triples").exists():
        generate(folder / "triples", rows)
    run = folder / f"run-{precision}"
    command = [
        sys.executable,
        "-m",
        "relsym",
        "evaluate",
        "model=bundled",
        f"precision={precision}",
        "data=wikidata5m",
        f"data.folder={folder / 'triples'}",
        f"data.test_pairs={rows}",
        "tracking=csv",
        f"hydra.run.dir={run}",
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((run / "shards").glob("scored-*.parquet"))) < 3:
        if process.poll() is not None:
            sys.exit(f"{' '.join(command[2:])} ended before it could be killed")
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = time.perf_counter() - started
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    total = time.perf_counter() - started
    results = read_results(run / RESULTS)
    measured = sum(sum(forms.values()) for forms in results.measured_rows.values())
    line = (
        precision,
        f"{results.rows['lexicalised']:,}",
        f"{measured:,}",
        f"{results.measured_before:,}",
        f"{killed:.0f}",
        f"{total:.0f}",
        f"{results.seconds['score']:.0f}",
        f"{results.memory['peak_gib']:.2f}",
    )
    return markdown(
        (
            "precision",
            "pairs of each form",
            "rows measured in all",
            "of them before the kill",
            "killed after, s",
            "both runs, s",
            "second run's measuring, s",
            "peak GiB",
        ),
        [line],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, help="generated pairs of each form, instead of the comparison")
    parser.add_argument("--folder", type=Path, help="where the generated facts and runs are kept, for --rows")
    parser.add_argument("--precision", default="bf16", choices=("fp32", "bf16"), help="for --rows")
    arguments = parser.parse_args()
    disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.rows:
            print(in_one_go(arguments.rows, arguments.folder or Path(scratch), arguments.precision))
        else:
            print(compare(arguments.pairs, arguments.rounds, classifier(Path(scratch) / "classifier")))


if __name__ == "__main__":
    main()
