"""Time of a training step with torch's fused attention beside attention step by step, on this machine's CPU.

    python benchmarks/attention.py
    ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 python benchmarks/attention.py    # matrix products without AMX

The bundled encoder (MiniLM-L6) reads a batch of the embedded benchmark's sentences there and back, in fp32
and in bf16 as ``relsym train`` does (autocast), with the dropout of the model and without any. Rounds are
interleaved, so that a busy machine slows all alike, and the ratio is the median over rounds of fused divided
by eager: below 1 the fused kernel is the faster one.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import nullcontext
from statistics import median

import torch

from relsym.encoders.bundled import load_bundled
from relsym.encoders.encoder import Encoder
from runs import markdown
from throughput import sentences

PRECISIONS = ("fp32", "bf16")
DROPOUTS = {"the model's": None, "none": 0.0}
WAYS = {"fused": "sdpa", "eager": "eager"}


def seconds_of_step(encoder: Encoder, inputs: dict[str, torch.Tensor], precision: str, way: str) -> float:
    """Seconds of the way there and back."""
    encoder.model.set_attn_implementation(WAYS[way])
    autocast = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
    started = time.perf_counter()
    with autocast:
        vectors = encoder(inputs)
    vectors.square().sum().backward()
    passed = time.perf_counter() - started
    encoder.zero_grad()
    return passed


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    texts = sentences(options.rows)
    encoders = {name: load_bundled(dropout=dropout).train() for name, dropout in DROPOUTS.items()}
    inputs = encoders["none"].collate(encoders["none"].tokenize(texts))
    times: dict[tuple[str, str, str], list[float]] = {}
    for number in range(options.rounds + 2):
        for precision in PRECISIONS:
            for name, encoder in encoders.items():
                for way in WAYS:
                    passed = seconds_of_step(encoder, inputs, precision, way)
                    if number >= 2:  # the first rounds warm up
                        times.setdefault((precision, name, way), []).append(passed)
    rows = []
    for precision in PRECISIONS:
        for name in encoders:
            fused = times[precision, name, "fused"]
            eager = times[precision, name, "eager"]
            ratios = [a / b for a, b in zip(fused, eager, strict=True)]
            figures = [f"{1000 * median(fused):.0f}", f"{1000 * median(eager):.0f}", f"{median(ratios):.2f}"]
            rows.append((precision, name, *figures, f"{min(ratios):.2f} to {max(ratios):.2f}"))
    mask = inputs["attention_mask"]
    mean_length = mask.sum(1).float().mean().item()
    print(f"{options.rows} sentences of {mean_length:.1f} tokens, padded to {mask.shape[1]}; ", end="")
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}")
    amx, bf16 = torch.cpu._is_amx_tile_supported(), torch.cpu._is_avx512_bf16_supported()
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "none")
    print(f"AMX: {amx}; AVX-512 bf16: {bf16}; ONEDNN_MAX_CPU_ISA: {limit}\n")
    head = ("precision", "dropout", "fused, ms", "eager, ms", "fused / eager", "range over rounds")
    print(markdown(head, rows))


if __name__ == "__main__":
    main()
