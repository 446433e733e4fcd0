"""How long a fresh process takes to its first answer, beside what it imports in any case.

    python benchmarks/first_answer.py --run RUN [--rounds 5]

Each round starts a process for each: importing torch and transformers' class of models, the answer to one
pair from Python, and ``relsym predict`` on that pair. Prints the median of each in seconds, from the start of
the process to its end, and its ratio to the imports.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

from predict import took
from runs import markdown

PAIR = ("Ann is the mother of Bo.", "Bo is the mother of Ann.")
IMPORTS = "import torch; from transformers import AutoTokenizer, PreTrainedModel"
PYTHON = f"import sys; from relsym import SymmetryModel; SymmetryModel.load(sys.argv[1]).predict([{PAIR!r}])"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    commands = {
        "import torch and transformers": ("-c", IMPORTS),
        "SymmetryModel.load(RUN).predict": ("-c", PYTHON, arguments.run),
        "relsym predict": ("-m", "relsym", "predict", f"model.folder={arguments.run}", "--", *PAIR),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            seconds[name].append(took(command)[0])
    imports = median(seconds["import torch and transformers"])
    lines = []
    for name, times in seconds.items():
        lines.append((name, f"{median(times):.1f}", f"{median(times) / imports:.2f}"))
    print(markdown(("fresh process", "s", "ratio"), lines))


if __name__ == "__main__":
    main()
