"""How fast ``relsym predict`` answers a table, beside encoding its sentences alone, and what it takes.

    python benchmarks/predict.py --run RUN [--pairs 10000] [--rounds 3] [--memory 1000000]

A table of made-up pairs, each sentence once, is answered by the command (CSV to CSV), and its sentences are
encoded by ``Encoder.encode`` at one time in a process that loads the same run and reads the same table; the
rounds of both take turns. Prints pairs a second of both, with the time of starting and loading and without it
(what one pair takes is subtracted from each), their ratio as the median over the rounds, and the peak memory
of the command. ``--memory N`` answers N pairs once more with the command alone, for its memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from runs import markdown

ENCODE = (
    "import sys, polars as pl\n"
    "from relsym.app.earlier_run import load_run\n"
    "run, path = sys.argv[1:]\n"
    "encoder = load_run(run, None, 'cpu').encoder\n"
    "table = pl.read_csv(path)\n"
    "encoder.encode(table['premise'].to_list() + table['hypothesis'].to_list())\n"
)


def write_pairs(path: Path, pairs: int) -> None:
    """Pairs of sentences that occur once, of the length that names give them."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("id,premise,hypothesis\n")
        for number in range(pairs):
            one, other = f"Ann Lee {number}", f"Bo Dahl {pairs - number}"
            file.write(f"{number},{one} is the mother of {other}.,{other} is a child of {one}.\n")


def took(command: Sequence[object]) -> tuple[float, float]:
    """Run a command: its seconds, and the most memory that it had, in GiB."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL) as process:
        gib, status = 0.0, Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            try:
                peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            except OSError:  # it has just ended
                peaks = []
            gib = max([gib, *(int(line.split()[1]) / 2**20 for line in peaks)])
            time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{command}: ended with {process.returncode}.")
    return time.perf_counter() - started, gib


def answering(run: Path, table: Path, output: Path) -> tuple[float, float]:
    """The command on a table."""
    output.unlink(missing_ok=True)
    words = ("-m", "relsym", "predict", f"model.folder={run}", f"input={table}", f"output={output}")
    return took(words)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int)
    arguments = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        table, one, output = Path(folder, "in.csv"), Path(folder, "one.csv"), Path(folder, "out.csv")
        if arguments.rounds:
            write_pairs(table, arguments.pairs)
            write_pairs(one, 1)
            rounds = []
            for _ in range(arguments.rounds):
                predict, gib = answering(arguments.run, table, output)
                encode, _ = took(("-c", ENCODE, arguments.run, table))
                predict_one, _ = answering(arguments.run, one, output)
                encode_one, _ = took(("-c", ENCODE, arguments.run, one))
                rounds.append((predict, encode, predict - predict_one, encode - encode_one, predict_one, gib))
            for name, ours, plain in (("all", 0, 1), ("without starting and loading", 2, 3)):
                ratio = median(times[plain] / times[ours] for times in rounds)
                speeds = [
                    arguments.pairs / median(times[place] for times in rounds) for place in (ours, plain)
                ]
                gib = max(times[5] for times in rounds)
                lines.append(
                    (
                        arguments.pairs,
                        name,
                        *(f"{speed:.0f}" for speed in speeds),
                        f"{ratio:.2f}",
                        f"{gib:.2f}",
                    )
                )
            print(f"One pair takes {median(times[4] for times in rounds):.1f} s, all of it.\n")
        if arguments.memory:
            write_pairs(table, arguments.memory)
            seconds, gib = answering(arguments.run, table, output)
            lines.append(
                (arguments.memory, "all", f"{arguments.memory / seconds:.0f}", "-", "-", f"{gib:.2f}")
            )
    header = ("pairs", "time", "relsym predict, pairs/s", "Encoder.encode, pairs/s", "ratio", "GiB")
    print(markdown(header, lines))


if __name__ == "__main__":
    main()
