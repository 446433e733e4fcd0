"""The data card of a benchmark on disk: what the Hugging Face hub shows of it.

It is made from the manifest alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

import yaml

from relsym.data.audit import FINDINGS
from relsym.runs.manifest import Manifest
from relsym.visible import visible, visible_values

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
# What depends on where the statements come from, and what is so of any.
WIKIDATA_BIASES = """\
- Wikidata's biases: what is stated there leans towards Europe, North America, men and recent times."""
SOURCE_BIASES = """\
- The source's biases: what it states more often than is so in the world, or leaves out, is so in the rows."""
WIKIDATA_SYMMETRY = "Wikidata constrains to be so"
TABLE_SYMMETRY = "the property table says to be so"
LIMITS = """\
- Little syntactic variety: a handful of hand-written wordings for each property; names stand in them without
  article or inflection.
- The label of a swap pair depends on its relation alone: a look-up of templates scores 100 % on swap rows of
  relations it has seen.
- A symmetric relation is one that {symmetry}, not one whose statements are all stated from
  both sides (see above).
- The premise may be a statement's reverse (in half of the rows; in all test rows of the authors' split), so
  that of an antisymmetric relation it is false in the world; the label says what follows from the premise,
  true or not."""
# What Markdown or HTML would take for its own, and the character reference that stands for it.
ENTITIES = {letter: f"&#{ord(letter)};" for letter in "&<>|`[]\\*~$"}
# An underscore at the edge of a word, which begins emphasis, and what bare addresses are known by.
BEGINNINGS = re.compile(r"(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)
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
        _limits(manifest),
    ]
    # A part may be empty: a benchmark of the user's own has no question.
    return "\n\n".join(filter(None, parts)) + "\n"


def _header(manifest: Manifest) -> str:
    """The metadata between two lines of dashes, as YAML."""
    files = []
    for split in manifest.rows:
        files.append({"split": split, "path": f"data/{split}.parquet"})
    entries = {
        "license": manifest.source.licence.lower(),
        "language": [manifest.source.language],
        "task_categories": ["text-classification"],
        "task_ids": ["natural-language-inference"],
        "pretty_name": f"relsym {manifest.benchmark}",
        "configs": [{"config_name": "default", "data_files": files}],
    }
    metadata = yaml.safe_dump(visible_values(entries), sort_keys=False, allow_unicode=True)
    return f"---\n{metadata}---"


def _size(manifest: Manifest) -> str:
    rows = sum(manifest.rows.values())
    # Each sentence that may be missing brings its own leading space.
    scaled = ""
    if manifest.scaled_down:
        scaled = (
            f" {manifest.examples_asked:,} were asked for; the source has fewer, so all parts were scaled "
            "down in the same proportions."
        )
    if manifest.both_directions:
        directions = "A fact and its reverse are two examples."
    else:
        directions = "Each fact is asked in one direction, at random."
    if manifest.source.named_by_ids:
        forms = (
            "in one form, with labels (lexicalised): these are made of the ids, so that the ids in "
            "`premise_delex`, `hypothesis_delex`, `subject_id` and `object_id` name the entities too."
        )
    elif manifest.source.labelled:
        forms = "each in two forms: with labels (lexicalised) and with ids (delexicalised)."
    else:
        forms = (
            "in one form, with ids (delexicalised): the source has no labels, so that ids stand in "
            "`premise`, `hypothesis`, `subject` and `object` too."
        )
    return (
        f"{rows:,} premise / hypothesis pairs about {manifest.examples:,} examples, {forms}{scaled} "
        f"{directions} Labels say whether the premise entails the hypothesis, contradicts it, or neither."
    )


def _origin(manifest: Manifest) -> str:
    origin, licence = cell(manifest.source.origin), cell(manifest.source.licence)
    return (
        f"Source: {origin}. Licence: {licence}. "
        f"Content hash: `{manifest.content_hash}`. Made by relsym {manifest.relsym}; "
        f"split {manifest.split} (seed {manifest.split_seed}), drawn with seed {manifest.seed}."
    )


def property_rows(manifest: Manifest) -> list[list[str]]:
    """Of each property with rows: id, name, kind, how often its reverse is stated too, and rows by part."""
    lines = []
    for property in properties_with_rows(manifest):
        relation = manifest.relations[property]
        share = manifest.reverse_stated.get(property)
        reverse_stated = "-" if share is None else f"{100 * share:.1f} %"
        line = [property, relation.name, relation.kind, reverse_stated]
        for rows_of in manifest.counts.values():
            count = rows_of.get(property, 0)
            line.append(f"{count:,}")
        lines.append(line)
    return lines


def properties_with_rows(manifest: Manifest) -> list[str]:
    """The properties that any part asks about, in the order of their table."""
    asked = set().union(*manifest.counts.values())
    return [property for property in manifest.relations if property in asked]


def _properties(manifest: Manifest) -> str:
    header = ["property", "name", "kind", "reverse also stated in the source", *manifest.rows]
    lines = property_rows(manifest)
    table = _table(header, lines)
    without = len(manifest.relations) - len(lines)
    if without:
        return f"{table}\n\nWithout a row: {without:,} further properties of the property table."
    return table


def _rows(manifest: Manifest) -> str:
    imbalance = manifest.audit.found["imbalance"]
    if imbalance.count > imbalance.removed:
        balance = "Kinds are not balanced (see the audit)"
    else:
        balance = "Kinds are balanced in every part"
    variants = ", ".join(manifest.variants)
    overlaps = []
    for part, share in manifest.entity_overlap.items():
        overlaps.append(f"{part} {100 * share:.1f} %")
    overlap = ", ".join(overlaps)
    pairs = []
    for pair, share in manifest.shared_pairs.items():
        properties = pair.replace(" ", " and ")
        pairs.append(f"{properties} {100 * share:.0f} %")
    shared = "; ".join(pairs) or "none"
    return (
        f"Variants of a fact: {variants}. {balance}; within a kind properties are even until one runs "
        "out.\n\n"
        f"{_labels(manifest)}\n\n"
        f"Entities of a part that also occur in the training part: {overlap}. "
        f"Properties that speak about the same entity pairs (share of the smaller one's): {shared}."
    )


def _labels(manifest: Manifest) -> str:
    """Rows by label, and what the best constant answer gets, which is not 50 % where a fact has variants."""
    labels: list[str] = []
    for counts in manifest.labels.values():
        labels += [label for label in counts if label not in labels]
    lines = []
    for part, counts in manifest.labels.items():
        if counts:
            line = [part]
            for label in labels:
                count = counts.get(label, 0)
                line.append(f"{count:,}")
            line.append(_best_constant(counts))
            lines.append(line)
    return _table(["part", *labels, "best constant answer"], lines)


def _best_constant(counts: Mapping[str, int]) -> str:
    """The share of the commonest label, in per cent."""
    commonest = max(counts.values())
    share = 100 * commonest / sum(counts.values())
    return f"{share:.1f} %"


def _account(manifest: Manifest) -> str:
    source = manifest.source
    left_out = sum(source.dropped.values())
    lines = []
    for reason, count in source.dropped.items():
        lines.append([reason, f"{count:,}"])
    table = _table(["left out", "statements"], lines)
    return (
        f"{source.statements_read:,} statements read = {source.facts_kept:,} facts kept + {left_out:,} left "
        f"out. The rows are about {manifest.facts_drawn:,} of these facts.\n\n"
        f"{table}"
    )


def _audit(manifest: Manifest) -> str:
    lines = []
    for name, entry in manifest.audit.found.items():
        # The audit lists the properties with most of a finding first.
        leading = []
        for property, count in islice(entry.by_property.items(), 3):
            leading.append(f"{property} {count:,}")
        most_in = ", ".join(leading) or "-"
        decision = entry.decision if entry.decided else f"{entry.decision} (by default)"
        lines.append([name, f"{entry.count:,}", f"{entry.removed:,}", most_in, decision, FINDINGS[name]])
    return _table(["finding", "found", "removed", "most in", "decision", "what it is"], lines)


def _limits(manifest: Manifest) -> str:
    """What the rows cannot say, in the words that their source allows."""
    if manifest.source.wikidata:
        biases, symmetry = WIKIDATA_BIASES, WIKIDATA_SYMMETRY
    else:
        biases, symmetry = SOURCE_BIASES, TABLE_SYMMETRY
    limits = LIMITS.format(symmetry=symmetry)
    return f"{biases}\n{limits}"


def _held_out(manifest: Manifest) -> list[str]:
    if not manifest.folds:
        return []
    pairs = ", ".join(manifest.trained_pairs)
    return [
        "## Held out",
        f"{len(manifest.folds)} folds: {HELD_OUT}",
        f"Pairs that are trained on where all would take too long: {pairs}.",
    ]


def cell(text: str) -> str:
    """Text from data, on one line, with nothing that Markdown or HTML would take for its own."""
    on_one_line = visible(" ".join(text.split()))
    escaped = "".join(ENTITIES.get(letter, letter) for letter in on_one_line)
    return BEGINNINGS.sub(lambda match: f"&#{ord(match[0])};", escaped)


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table; the cells are escaped here."""
    rule = ["---"] * len(header)
    lines = []
    for cells in [header, rule, *rows]:
        escaped = " | ".join(map(cell, cells))
        lines.append(f"| {escaped} |")
    return "\n".join(lines)
