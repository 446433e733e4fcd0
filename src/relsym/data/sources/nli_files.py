"""Which files of a folder, or which parts of a hub set, hold the training and the test rows of an NLI set."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

PARTS = ("train", "test")
ROUNDS = (1, 2, 3)
Levels = tuple[tuple[str, ...], ...]


def _tables(*stems: str) -> tuple[str, ...]:
    """These names in each format of a table."""
    names = []
    for stem in stems:
        for suffix in ("jsonl", "tsv", "csv", "parquet"):
            names.append(f"{stem}.{suffix}")
    return tuple(names)


# Globs. What stands in an earlier level is taken before what stands in a later one; two files that fit one
# level are refused.
_MNLI_FILES: dict[str, Levels] = {
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
}
_SNLI_FILES: dict[str, Levels] = {
    "train": (("snli_*_train.jsonl", *_tables("train")), ("snli_*_train.txt",)),
    "test": (
        ("snli_*_test.jsonl", *_tables("test")),
        ("snli_*_test.txt",),
        ("snli_*_dev.jsonl", *_tables("dev", "validation")),
    ),
}
# In each round's folder.
_ANLI_FILES: dict[str, Levels] = {"train": (_tables("train"),), "test": (_tables("test"), _tables("dev"))}
_OTHER_FILES: dict[str, Levels] = {
    "train": (_tables("train"), _tables("*_train")),
    "test": (_tables("test"), _tables("*_test"), _tables("dev", "validation"), _tables("*_dev")),
}
NLI_FILES: dict[str, dict[str, Levels]] = {
    "mnli": _MNLI_FILES,
    "snli": _SNLI_FILES,
    "anli": _ANLI_FILES,
    "nli": _OTHER_FILES,
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
        folder: where it is.
        layout: whose usual names are looked for, a key of ``NLI_FILES``.
        part: one of ``PARTS``.
        pattern: name or glob; None: the usual ones.

    Raises:
        FileNotFoundError: no file fits.
        ValueError: several do.
    """
    levels = ((pattern,),) if pattern else NLI_FILES[layout][part]
    for level in levels:
        # A set, because several globs of a level may match one file.
        paths = set[Path]()
        for name in level:
            paths.update(folder.glob(name))
        if len(paths) > 1:
            names = ", ".join(path.name for path in sorted(paths))
            raise ValueError(f"{folder}: several candidates: {names}. Say which with data.{part}=NAME.")
        if paths:
            return paths.pop()
    usual_names = " or ".join(" or ".join(level) for level in levels)
    raise FileNotFoundError(f"{folder}: no file called {usual_names}. Say which with data.{part}=NAME.")


def round_folder(folder: Path, number: int) -> Path:
    """A round's folder in the official layout of ANLI.

    Raises:
        FileNotFoundError: there is none.
    """
    path = folder / f"R{number}"
    if not path.is_dir():
        raise FileNotFoundError(
            f"{folder}: no folder R{number}. Pass data.folder=PATH of the folder that holds R1, R2 and R3, "
            "or data.rounds=[...] with those that are there."
        )
    return path


def find_part(parts: Collection[str], layout: str, part: str, name: str | None, suffix: str = "") -> str:
    """The part of a hub data set with the rows of train or test.

    Args:
        parts: those that the data set has.
        layout: whose usual names are looked for, a key of ``HUB_PARTS``.
        part: one of ``PARTS``.
        name: its name; None: one of the usual ones.
        suffix: of a round, such as ``_r1``, added to each name.

    Raises:
        ValueError: the set has no such part.
    """
    stems = (name,) if name else HUB_PARTS[layout][part]
    candidates = [f"{stem}{suffix}" for stem in stems]
    for candidate in candidates:
        if candidate in parts:
            return candidate
    note = f" ({suffix} is added)" if suffix else ""
    tried = " or ".join(candidates)
    raise ValueError(
        f"the data set has no part {tried}, but {', '.join(parts)}. Say which with data.{part}=NAME{note}."
    )
