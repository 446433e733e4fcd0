"""Which files of a folder, or which parts of a hub data set, hold the training and the test rows of an NLI
set.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

PARTS = ("train", "test")
ROUNDS = (1, 2, 3)
Levels = tuple[tuple[str, ...], ...]


def _tables(*stems: str) -> tuple[str, ...]:
    return tuple(f"{stem}.{kind}" for stem in stems for kind in ("jsonl", "tsv", "csv", "parquet"))


# Globs. What stands in an earlier level is taken before what stands in a later one; two files that fit one
# level are refused.
NLI_FILES: dict[str, dict[str, Levels]] = {
    "mnli": {
        "train": (
            ("train.jsonl", "train_*.jsonl", "multinli_*_train.jsonl", "train.tsv"),
            ("train.csv", "train.parquet"),
            ("multinli_*_train.txt",),
        ),
        "test": (
            ("dev_matched.jsonl", "multinli_*_dev_matched.jsonl", "dev_matched.tsv"),
            ("dev_matched.csv", "dev_matched.parquet"),
            _tables("validation_matched"),
            ("multinli_*_dev_matched.txt",),
        ),
    },
    "snli": {
        "train": (("snli_*_train.jsonl", *_tables("train")), ("snli_*_train.txt",)),
        "test": (
            ("snli_*_test.jsonl", *_tables("test")),
            ("snli_*_test.txt",),
            ("snli_*_dev.jsonl", *_tables("dev", "validation")),
        ),
    },
    "anli": {
        "train": (_tables("train"),),
        "test": (_tables("test"), _tables("dev")),
    },  # in each round's folder
    "nli": {
        "train": (_tables("train"), _tables("*_train")),
        "test": (_tables("test"), _tables("*_test"), _tables("dev", "validation"), _tables("*_dev")),
    },
}
HUB_PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "mnli": {"train": ("train",), "test": ("validation_matched", "dev_matched")},
    "snli": {"train": ("train",), "test": ("test", "validation")},
    "anli": {"train": ("train",), "test": ("test", "dev")},  # each with _r1, _r2, _r3
    "nli": {"train": ("train",), "test": ("test", "validation_matched", "validation", "dev")},
}


def find_file(folder: Path, layout: str, part: str, pattern: str | None) -> Path:
    """The file with the rows of a part.

    Args:
        layout: whose usual names are looked for, a key of ``FILES``.  part: one of ``PARTS``.  pattern: name
        or glob; None: the usual ones.

    Raises:
        FileNotFoundError: no file fits.  ValueError: several do.
    """
    levels = ((pattern,),) if pattern else NLI_FILES[layout][part]
    for level in levels:
        if found := sorted({path for name in level for path in folder.glob(name)}):
            if len(found) > 1:
                names = ", ".join(path.name for path in found)
                raise ValueError(f"{folder}: several candidates: {names}. Say which with data.{part}=NAME.")
            return found[0]
    names = " or ".join(name for level in levels for name in level)
    raise FileNotFoundError(f"{folder}: no file called {names}. Say which with data.{part}=NAME.")


def round_folder(folder: Path, number: int) -> Path:
    """A round's folder in the official layout of ANLI.

    Raises:
        FileNotFoundError: there is none.
    """
    found = folder / f"R{number}"
    if not found.is_dir():
        raise FileNotFoundError(
            f"{folder}: no folder R{number}. Pass data.folder=PATH of the folder that holds R1, R2 and R3, "
            "or "
            "data.rounds=[...] with those that are there."
        )
    return found


def find_part(parts: Collection[str], layout: str, part: str, name: str | None, suffix: str = "") -> str:
    """The part of a hub data set with the rows of train or test. suffix: of a round, such as ``_r1``.

    Raises:
        ValueError: the set has no such part.
    """
    names = [f"{known}{suffix}" for known in ((name,) if name else HUB_PARTS[layout][part])]
    if found := next((known for known in names if known in parts), None):
        return found
    raise ValueError(
        f"the data set has no part {' or '.join(names)}, but {', '.join(parts)}. Say which with "
        f"data.{part}=NAME"
        f"{f' ({suffix} is added)' if suffix else ''}."
    )
