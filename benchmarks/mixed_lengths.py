"""Time of a training step whose batch holds short symmetry texts and NLI texts of all lengths: as one batch,
and in groups of one length.

    python benchmarks/mixed_lengths.py --mnli-folder PATH

The bundled encoder reads 32 pairs of the embedded benchmark's sentences and as many MNLI pairs as joint
inputs, in bf16 with attention step by step and with dropout, as ``relsym train data.batch_size=32
recipe=replay recipe.replay.rows_per_batch=32`` does on a CPU. Rounds are interleaved; medians are reported.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from statistics import median
from unittest.mock import patch

import torch

from relsym.data.nli import NliData
from relsym.data.sampling import shuffled
from relsym.data.sources.nli import NliSource
from relsym.encoders import encoder as encoders
from relsym.encoders.bundled import load_bundled
from relsym.encoders.encoder import Encoder
from runs import markdown
from throughput import sentences

ROWS, BATCHES = 32, 8
SIZES = (2 * ROWS, 32, 16, 8)


def step(encoder: Encoder, inputs: dict[str, torch.Tensor], size: int) -> float:
    """Seconds of the way there and back."""
    started = time.perf_counter()
    with patch.object(encoders, "ROWS_OF_ONE_LENGTH", size), torch.autocast("cpu", torch.bfloat16):
        (encoder(inputs) if size == SIZES[0] else encoder.by_length(inputs)).sum().backward()
    encoder.zero_grad()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnli-folder", required=True)
    data = NliData(
        source=NliSource(layout="mnli", folder=parser.parse_args().mnli_folder),
        samples=None,
        sample_seed=0,
        split_seed=0,
        test_pairs=None,
        score_on="test",
        batch_size=ROWS,
        seed=0,
        by_length=False,
    )
    data.read()
    nli = iter(shuffled(((row.premise, row.hypothesis) for row in data.train_rows), 0, "rows"))
    texts = iter(sentences(2 * ROWS * BATCHES))
    encoder = load_bundled().train()
    encoder.attend("eager")
    batches = []
    for _ in range(BATCHES):
        pairs = [*islice(zip(texts, texts, strict=True), ROWS), *islice(nli, ROWS)]
        batches.append(encoder.collate(encoder.tokenize(*map(list, zip(*pairs, strict=True)))))
    step(encoder, batches[0], SIZES[0])
    seconds = {
        size: median(taken)
        for size, taken in zip(
            SIZES,
            zip(*([step(encoder, inputs, size) for size in SIZES] for inputs in batches), strict=True),
            strict=True,
        )
    }
    print(
        markdown(
            ("rows of one length", "ms of a step", "times as fast"),
            [
                (size, f"{1000 * taken:.0f}", f"{seconds[SIZES[0]] / taken:.2f}")
                for size, taken in seconds.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
