"""Small made-up banks of relations in a folder, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from relsym.data.bank_sides import RELATION_SIDES
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.sources.relation_bank import BankFacts
from relsym.data.symmetry import SymmetryData

KINDS = ("symmetric", "antisymmetric", "neither")
PAIRS = {"train": 8, "validation": 5, "test": 5}
# The families that train hold the near relations too.
FAMILY_OF_SIDE = {"validation_far": "street", "test_far": "market"}


def entry(verb: str, kind: str, **changes) -> dict:
    """Six wordings, three negations and, unless symmetric, three converses, all of one verb."""
    fields = {
        "kind": kind,
        "slots": ["person", "person"],
        "meaning": verb,
        "wordings": [
            f"[X] {verb} [Y].",
            f"It is [X] who {verb} [Y].",
            f"Indeed, [X] {verb} [Y].",
            f"As we know, [X] {verb} [Y].",
            f"By all accounts [X] {verb} [Y].",
            f"To be sure, [X] {verb} [Y].",
        ],
        "negations": [
            f"It is false that [X] {verb} [Y].",
            f"Nobody says that [X] {verb} [Y].",
            f"Never is it so that [X] {verb} [Y].",
        ],
    }
    if kind != "symmetric":
        fields["converses"] = [
            f"[Y] is one whom [X] {verb}.",
            f"It is [Y] whom [X] {verb}.",
            f"[Y] is the person that [X] {verb}.",
        ]
    return {**fields, **changes}


def families() -> dict[str, dict[str, dict]]:
    """A relation of each kind on each side (``SIDE_KIND``), and two between towns that train."""
    content: dict[str, dict] = {"home": {}, "street": {}, "market": {}}
    for side in RELATION_SIDES:
        for kind in KINDS:
            name = f"{side}_{kind}"
            content[FAMILY_OF_SIDE.get(side, "home")][name] = entry(f"{name.replace('_', '')}s", kind)
    towns = {"slots": ["town", "town"]}
    content["home"]["twinned"] = entry("mirrors", "symmetric", **towns)
    content["home"]["above"] = entry("overlooks", "antisymmetric", **towns)
    return content


def sides() -> dict[str, list[str]]:
    """The sides that ``families`` is made for."""
    stated = {side: [f"{side}_{kind}" for kind in KINDS] for side in RELATION_SIDES}
    stated["train"] += ["twinned", "above"]
    return stated


def write_yaml(path: Path, content: object) -> None:
    """JSON is YAML."""
    path.write_text(json.dumps(content, indent=1))


def write_names(folder: Path, slot: str, names: list[str]) -> None:
    names_folder = folder / "names"
    names_folder.mkdir(parents=True, exist_ok=True)
    (names_folder / f"{slot}.txt").write_text("".join(f"{name}\n" for name in names))


def bank_in(
    folder: Path, content: dict | None = None, stated_sides: dict | None = None, sided: bool = True
) -> Path:
    """Write a bank; without sides the ones of ``sides`` are stated, or none if ``sided`` is false."""
    folder.mkdir(parents=True, exist_ok=True)
    for family, relations in (families() if content is None else content).items():
        write_yaml(folder / f"{family}.yaml", relations)
    if sided:
        write_yaml(folder / "sides.yaml", sides() if stated_sides is None else stated_sides)
    write_names(folder, "person_given", [f"Given{letter}" for letter in "abcdefghijkl"])
    write_names(folder, "person_family", [f"Family{letter}" for letter in "abcdefghijkl"])
    write_names(folder, "town", [f"Town {number}" for number in range(80)])
    return folder


def benchmark_of(folder: Path | str, split: str = "relations", **changes) -> SymmetryBenchmark:
    """A benchmark on a bank, as ``data=relations`` makes it."""
    options = {"property_table": str(folder), "neutral": True, "split": split}
    pairs, real, alike = changes.pop("pairs", PAIRS), changes.pop("real", None), changes.pop("alike", 0.0)
    reader = BankFacts(str(folder), pairs, 0, real, alike, changes.pop("added_pairs", None))
    return SymmetryBenchmark(reader, **{**options, **changes})


def rows_data(benchmark: Callable[[], SymmetryBenchmark], **changes) -> SymmetryData:
    """The rows of a run, as ``data=relations`` makes them, before they are read."""
    options = {
        "samples": None,
        "sampling": "stratified",
        "form": "mixed",
        "train_variants": ["swap", "negated_swap"],
        "score_variants": ["swap"],
        "sample_seed": 0,
        "test_pairs": None,
        "score_on": "test",
        "batch_size": 8,
        "seed": 0,
        "whole_facts": True,
        "delexicalised": 0.3,
    }
    return SymmetryData(benchmark, **{**options, **changes})
