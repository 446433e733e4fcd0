"""The four objectives on real triples, and the fixed metrics side by side.

    python benchmarks/real_triples.py --data-folder PATH --out outputs/real_triples

Runs that ended are kept, so the command can be repeated after a break.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from runs import run_once

CASES = (
    ("random_label", "hadamard"),
    ("knn", "hadamard"),
    ("knn_learnt", "pair"),
    ("finetune", "none"),
    ("random_label", "rotate"),
    ("knn", "rotate"),
    ("random_label", "cosine"),
    ("knn", "cosine"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    for objective, metric in CASES:
        for seed in arguments.seeds:
            run_once(
                arguments.out / f"{objective}-{metric}" / str(seed),
                f"objective={objective}",
                f"metric={metric}",
                f"seed={seed}",
                "data=wikidata5m",
                f"data.folder={arguments.data_folder}",
                f"data.samples={arguments.samples}",
                "data.test_pairs=2000",
            )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "relsym",
            "report",
            f"inputs={arguments.out}",
            f"hydra.run.dir={arguments.out / 'report'}",
        ],
        check=True,
    )


if __name__ == "__main__":
    main()
