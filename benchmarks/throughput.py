"""Sentences per second of our encoder against sentence-transformers and the transformers pipeline.

All with the same weights and the same sentences:

    python benchmarks/throughput.py
    python benchmarks/throughput.py --run RUN --data-folder PATH

The second also compares a k-NN run's accuracy in fp32 and bf16.

Every contender first tries its batch sizes on a tenth of the sentences and keeps the best; then rounds are
interleaved, so that a busy machine slows all alike. Medians are reported, and their ratio to
sentence-transformers. The matrix-product rate is the ceiling.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from sentence_transformers import SentenceTransformer
from torch.nn.functional import normalize
from transformers import pipeline
from transformers.utils.logging import disable_progress_bar

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.sources.mini import Mini
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.symmetry import SymmetryData
from relsym.encoders.bundled import find_weights, load_bundled
from relsym.encoders.load import load_encoder
from relsym.evaluation.represent import represent
from relsym.evaluation.score import targets_of
from relsym.metrics.hadamard import Hadamard
from relsym.probes.knn import Knn
from runs import markdown

BASELINE = "sentence-transformers fp32"
Encode = Callable[[list[str], int], object]


def sentences(count: int) -> list[str]:
    """Premises and hypotheses of the embedded benchmark, both forms, in a fixed order."""
    benchmark = SymmetryBenchmark(Mini(), findings={"same_label": "keep"})
    pairs = [
        pair
        for split in ("train", "validation", "test")
        for pair in benchmark.pairs(benchmark.draw(split, 0), ["swap"])
    ]
    texts = dict.fromkeys(
        text for p in pairs for text in (p.premise, p.premise_delex, p.hypothesis, p.hypothesis_delex)
    )
    return (list(texts) * (count // len(texts) + 1))[:count]


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of a 2048 x 2048 matrix product."""
    a, b = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    a @ b
    started = time.perf_counter()
    for _ in range(10):
        a @ b
    return 10 * 2 * 2048**3 / (time.perf_counter() - started) / 1e9


def seconds(encode: Encode, texts: list[str], size: int) -> float:
    started = time.perf_counter()
    encode(texts, size)
    return time.perf_counter() - started


def contenders() -> dict[str, tuple[Encode, tuple[int, ...]]]:
    """Name -> encoding function and the batch sizes to choose from (tokens for ours, sentences for the
    others).
    """
    ours, ours_bf16 = load_bundled().eval(), load_bundled().to(torch.bfloat16).eval()
    theirs = SentenceTransformer(str(find_weights().parent), device="cpu")
    features = pipeline("feature-extraction", model=str(find_weights().parent), device="cpu")
    tokens, batches = (512, 1024, 2048, 4096), (16, 32, 64, 128)
    return {
        "relsym fp32": (lambda texts, size: ours.encode(texts, tokens_per_batch=size), tokens),
        "relsym bf16": (lambda texts, size: ours_bf16.encode(texts, tokens_per_batch=size), tokens),
        BASELINE: (
            lambda texts, size: theirs.encode(
                texts, batch_size=size, convert_to_tensor=True, show_progress_bar=False
            ),
            batches,
        ),
        "transformers pipeline fp32": (lambda texts, size: features(texts, batch_size=size), batches),
    }


def compare(count: int, rounds: int) -> str:
    texts, racers = sentences(count), contenders()
    sizes = {
        name: min(choices, key=lambda size, e=encode: seconds(e, texts[::10], size))
        for name, (encode, choices) in racers.items()
    }
    times: dict[str, list[float]] = {name: [] for name in racers}
    for _ in range(rounds):
        for name, (encode, _) in racers.items():
            times[name].append(seconds(encode, texts, sizes[name]))
    base = median(times[BASELINE])
    rows = [
        (
            name,
            sizes[name],
            f"{count / median(times[name]):.0f}",
            f"{count / max(times[name]):.0f} to {count / min(times[name]):.0f}",
            f"{base / median(times[name]):.2f}",
        )
        for name in racers
    ]
    return markdown(
        ("encoder", "batch size", "sentences/s (median)", "range", f"ratio to {BASELINE}"), rows
    ) + deviations(texts, racers)


def deviations(texts: list[str], racers: dict[str, tuple[Encode, tuple[int, ...]]]) -> str:
    """Largest difference of any coordinate of the unit vectors."""
    fp32, bf16, theirs = (
        normalize(racers[name][0](texts, racers[name][1][0]).float(), dim=-1)
        for name in ("relsym fp32", "relsym bf16", BASELINE)
    )
    return (
        "\nlargest deviation of a unit vector's coordinate: fp32 from sentence-transformers "
        f"{(fp32 - theirs).abs().max():.1e}, "
        f"bf16 from fp32 {(bf16 - fp32).abs().max():.1e} (least cosine {(fp32 * bf16).sum(-1).min():.5f})\n"
    )


def accuracies(run: Path, folder: str, rows: int) -> str:
    """A k-NN run's accuracy on the same real test rows in both precisions."""
    data = SymmetryData(
        lambda: SymmetryBenchmark(Wikidata5MFolder(folder)),
        64,
        "stratified",
        "mixed",
        ["swap"],
        ["swap"],
        0,
        rows,
        "test",
        16,
        0,
    )
    data.read()
    lines = []
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        encoder, probe = load_encoder(str(run / "encoder"), None).to(dtype).eval(), Knn(5)
        probe.fit(
            Hadamard(),
            {},
            represent(encoder, data.train_rows, "sentences"),
            targets_of(data.train_rows, data.labels),
        )
        right = {
            form: (probe.predict(represent(encoder, scored, "sentences")) == targets_of(scored, data.labels))
            .float()
            .mean()
            .item()
            for form, scored in data.score_rows.items()
        }
        lines.append((precision, *(f"{100 * share:.2f}" for share in right.values()), rows))
    return "\n" + markdown(("precision", "lexicalised", "delexicalised", "rows per form"), lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", type=Path, help="folder of a relsym train objective=knn run")
    parser.add_argument("--data-folder", help="real triples, for --run")
    parser.add_argument("--rows", type=int, default=2000)
    arguments = parser.parse_args()
    disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}; matrix "
        "product "
        f"{matrix_rate(torch.float32):.0f} GFLOP/s fp32, {matrix_rate(torch.bfloat16):.0f} GFLOP/s bf16\n"
    )
    print(compare(arguments.sentences, arguments.rounds))
    if arguments.run:
        print(accuracies(arguments.run, arguments.data_folder, arguments.rows))


if __name__ == "__main__":
    main()
