"""The data card of a benchmark on disk: what the Hugging Face hub shows of it, made from the
manifest alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from relsym.data.audit import FINDINGS
from relsym.runs.manifest import Manifest

QUESTIONS = {
    "paper": "Does a model know which relations are symmetric?",
    "contrast": (
        "Does a model tell apart everything that can be said about a fact: reversed, denied, reworded, "
        "from the other side?"
    ),
    "held_out": (
        "Does a model know the symmetry of relations, entities and wordings that it was not trained on?"
    ),
    "extended": "Does a model know which of many relations are symmetric?",
}
LIMITS = """\
- Wikidata's biases: what is stated there leans towards Europe, North America, men and recent times.
- Little syntactic variety: a handful of hand-written English wordings for each property; names stand in them
  without article or inflection.
- The label of a swap pair depends on its relation alone: a look-up of templates scores 100 % on swap rows of
  relations it has seen.
- A symmetric relation is one that Wikidata constrains to be so, not one whose statements are all stated from
  both sides (see above).
- The premise may be a statement's reverse (in half of the rows; in all test rows of the authors' split), so
  that of an antisymmetric relation it is false in the world; the label says what follows from the premise,
  true or not."""
ENTITIES = {letter: f"&#{ord(letter)};" for letter in "&<>|`[]\\"}
USE = """\
```python
from datasets import load_dataset
rows = load_dataset("PATH_OF_THIS_FOLDER", split="test")
```"""
HELD_OUT = """\
`data.fold=NAME` is one of: `fixed` (holds out P3373, P460, P22 and P25, where all four are there), `loo-P`
(each relation), `pair-P-P` (each symmetric with each antisymmetric one), `entities` (column
`split_entities`), `templates` (variant `reworded_swap`). A property about the entity pairs of one that is
held out leaves training too. Headline: the mean over both kinds of the mean over their held-out relations, so
that one constant answer scores 50 %."""


def card(manifest: Manifest) -> str:
    """README.md with the metadata that ``datasets.load_dataset`` and the hub read."""
    parts = [
        _header(manifest),
        f"# relsym benchmark: {cell(manifest.benchmark)}",
        QUESTIONS.get(manifest.benchmark, ""),
        _size(manifest),
        _origin(manifest),
        USE,
        "## Rows",
        _properties(manifest),
        _rows(manifest),
        "## From statements to facts",
        _account(manifest),
        "## Audit",
        _audit(manifest),
        *_held_out(manifest),
        "## Known limits",
        LIMITS,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _header(manifest: Manifest) -> str:
    entries = {
        "license": manifest.source.licence.lower(),
        "language": [manifest.source.language],
        "task_categories": ["text-classification"],
        "task_ids": ["natural-language-inference"],
        "pretty_name": f"relsym {manifest.benchmark}",
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}.parquet"} for split in manifest.rows],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)}---"


def _size(manifest: Manifest) -> str:
    asked, made = manifest.examples_asked, manifest.examples
    scaled = (
        f" {asked:,} were asked for; the source has fewer, so all parts were scaled down in the same "
        "proportions."
        if manifest.scaled_down
        else ""
    )
    each = (
        "A fact and its reverse are two examples."
        if manifest.both_directions
        else "Each fact is asked in one direction, at random."
    )
    return (
        f"{sum(manifest.rows.values()):,} premise / hypothesis pairs about {made:,} examples, each in two "
        "forms: with labels "
        f"(lexicalised) and with ids (delexicalised).{scaled} {each} Labels say whether the premise entails "
        "the hypothesis, "
        "contradicts it, or neither."
    )


def _origin(manifest: Manifest) -> str:
    source = manifest.source
    return (
        f"Source: {cell(source.origin)}. Licence: {cell(source.licence)}. Content hash: "
        f"`{manifest.content_hash}`. "
        f"Made by relsym {manifest.relsym}; split {manifest.split} (seed {manifest.split_seed}), drawn with "
        "seed "
        f"{manifest.seed}."
    )


def property_rows(manifest: Manifest) -> list[list[str]]:
    """Of each property: id, name, kind, how often its reverse is stated too, and its rows in each part."""
    lines = []
    for property, relation in manifest.relations.items():
        stated = manifest.reverse_stated.get(property)
        counts = (f"{part.get(property, 0):,}" for part in manifest.counts.values())
        lines.append(
            [
                property,
                relation.name,
                relation.kind,
                "-" if stated is None else f"{100 * stated:.1f} %",
                *counts,
            ]
        )
    return lines


def _properties(manifest: Manifest) -> str:
    return _table(
        ["property", "name", "kind", "reverse also stated in the source", *manifest.rows],
        property_rows(manifest),
    )


def _rows(manifest: Manifest) -> str:
    overlap = ", ".join(f"{part} {100 * share:.1f} %" for part, share in manifest.entity_overlap.items())
    found = manifest.audit.found
    kept = found["imbalance"].count > found["imbalance"].removed
    balance = "Kinds are not balanced (see the audit)" if kept else "Kinds are balanced in every part"
    shared = "; ".join(
        f"{pair.replace(' ', ' and ')} {100 * share:.0f} %" for pair, share in manifest.shared_pairs.items()
    )
    return (
        f"Variants of a fact: {', '.join(manifest.variants)}. {balance}; within a kind properties are even "
        "until one runs out.\n\n"
        f"{_labels(manifest)}\n\nEntities of a part that also occur in the training part: {overlap}. "
        "Properties that speak about the "
        f"same entity pairs (share of the smaller one's): {shared or 'none'}."
    )


def _labels(manifest: Manifest) -> str:
    """Rows by label, and what the best constant answer gets, which is not 50 % where a fact has variants."""
    labels = list(dict.fromkeys(label for counts in manifest.labels.values() for label in counts))
    lines = [
        [
            part,
            *(f"{counts.get(label, 0):,}" for label in labels),
            f"{100 * max(counts.values()) / sum(counts.values()):.1f} %",
        ]
        for part, counts in manifest.labels.items()
        if counts
    ]
    return _table(["part", *labels, "best constant answer"], lines)


def _account(manifest: Manifest) -> str:
    source = manifest.source
    left_out = sum(source.dropped.values())
    return (
        f"{source.statements_read:,} statements read = {source.facts_kept:,} facts kept + {left_out:,} left "
        "out. The rows are "
        f"about {manifest.facts_drawn:,} of these facts.\n\n"
        + _table(["left out", "statements"], [[name, f"{count:,}"] for name, count in source.dropped.items()])
    )


def _audit(manifest: Manifest) -> str:
    lines = []
    for name, entry in manifest.audit.found.items():
        most = ", ".join(f"{p} {count:,}" for p, count in list(entry.by_property.items())[:3]) or "-"
        decision = entry.decision + ("" if entry.decided else " (by default)")
        lines.append([name, f"{entry.count:,}", f"{entry.removed:,}", most, decision, FINDINGS[name]])
    return _table(["finding", "found", "removed", "most in", "decision", "what it is"], lines)


def _held_out(manifest: Manifest) -> list[str]:
    if not manifest.folds:
        return []
    return [
        "## Held out",
        f"{len(manifest.folds)} folds: {HELD_OUT}",
        f"Pairs that are trained on where all would take too long: {', '.join(manifest.trained_pairs)}.",
    ]


def cell(text: str) -> str:
    """Text from data, on one line, with nothing that Markdown or HTML would take for its own."""
    return "".join(ENTITIES.get(letter, letter) for letter in " ".join(text.split()))


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(
        f"| {' | '.join(map(cell, cells))} |" for cells in [header, ["---"] * len(header), *rows]
    )
