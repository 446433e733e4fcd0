"""Finished runs -> lines of one table, in the shape of the paper's Table 2."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

# Reader -> what a person calls it, in the order of the table.
OBJECTIVES = {"random_label": "random label embeddings", "knn": "k-NN", "knn_learnt": "k-NN with learnt metric", "finetune": "fine-tuning"}
READERS = {"shortcut/majority": "majority label", "shortcut/template_lookup": "template look-up",
           "shortcut/hypothesis_only": "hypothesis only",
           "untrained/random_label": "untrained, random label embeddings", "shortcut/knn_untrained": "untrained, k-NN"}
ENCODER_READERS = ("untrained/random_label", "shortcut/knn_untrained")
MODEL_READERS = ("test/accuracy", "validation/accuracy")


class _Key(NamedTuple):
    """What the runs behind one line share, in the order in which lines are sorted."""

    place: int
    samples: int
    reader: str
    model: str
    setting: str
    name: str


@dataclass(frozen=True)
class Line:
    """One reader: its accuracies by form, one per seed, and the runs' common facts."""

    reader: str
    model: str
    samples: int
    seeds: tuple[tuple[int, int], ...]
    values: dict[str, tuple[float, ...]]
    intervals: dict[str, tuple[float, float]]
    retrained: bool

    def cell(self, form: str) -> str:
        """Mean in per cent; with several seeds the standard deviation, with one the 95 % interval of the rows.

        Two decimals: one wrong row in 2,000 must not read 100.
        """
        values = self.values[form]
        text = f"{100 * mean(values):.2f}"
        if len(values) > 1:
            return f"{text} ± {100 * stdev(values):.2f}"
        low, high = self.intervals.get(form, (None, None))
        return text if low is None else f"{text} [{100 * low:.2f}, {100 * high:.2f}]"


def read_runs(folders: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Every ``results.json`` below the folders.

    Raises:
        FileNotFoundError: there is none.  ValueError: one is not JSON.
    """
    paths = sorted({path for folder in folders for path in Path(folder).expanduser().rglob("results.json")})
    if not paths:
        raise FileNotFoundError(f"runs={', '.join(map(str, folders))}: no results.json below. Pass runs=FOLDER of finished runs.")
    return [_read(path) for path in paths]


def tables(runs: list[dict[str, Any]]) -> dict[str, list[Line]]:
    """One list of lines per benchmark (by content hash), split and scored rows, shortcuts first."""
    by_benchmark: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        rows = ", ".join(f"{count} {form}" for form, count in run["rows"].items() if form != "train")
        title = f"{run['choices']['data']} {run['benchmark_hash'][:8]}, split {run['split']}, {run['score_on']} rows: {rows}"
        by_benchmark.setdefault(title, []).append(run)
    return {title: _lines(group) for title, group in by_benchmark.items()}


def _lines(runs: list[dict[str, Any]]) -> list[Line]:
    groups: dict[_Key, dict[tuple[int, int], dict[str, Any]]] = {}
    for run in runs:
        for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in run["metrics"] if key.count("/") == 2):
            by_seed = groups.setdefault(_key(name, run), {})
            if (other := by_seed.setdefault((run["seed"], run["sample_seed"]), run))["metrics"] != run["metrics"] and name in MODEL_READERS:
                raise ValueError(f"{other['path']} and {run['path']} are the same run with different results (another version?). "
                                 "Leave one of them out.")
    shown = Counter((key.reader, key.model, key.samples) for key in groups)
    return [_line(key, by_seed, shown[key.reader, key.model, key.samples] > 1) for key, by_seed in sorted(groups.items())]


def _key(name: str, run: dict[str, Any]) -> _Key:
    """Shortcuts depend on the drawn rows alone, the untrained encoder on its read-out too, a retrained one on everything."""
    choices, samples = run["choices"], run["rows"]["train"]
    metric = {"none": "pair"}.get(choices["metric"], choices["metric"])
    if name in MODEL_READERS:
        place = list(OBJECTIVES).index(choices["objective"]) if choices["objective"] in OBJECTIVES else len(OBJECTIVES)
        reader = OBJECTIVES.get(choices["objective"], choices["objective"]) + ("" if metric == "pair" else f" ({metric})")
        return _Key(len(READERS) + place, samples, reader, run["model"], run["setting_hashes"]["all"], name)
    if name in ENCODER_READERS:
        reader = f"{READERS[name].replace('untrained', 'before retraining') if run['init'] else READERS[name]} ({metric})"
        return _Key(list(READERS).index(name), samples, reader, run["model"], run["setting_hashes"]["encoder"], name)
    return _Key(list(READERS).index(name), samples, READERS[name], "-", run["setting_hashes"]["data"], name)


def _line(key: _Key, by_seed: dict[tuple[int, int], dict[str, Any]], ambiguous: bool) -> Line:
    """Two settings that would read the same are told apart by the head of their hash."""
    runs = [by_seed[seed] for seed in sorted(by_seed)]
    forms = [form for form in runs[0]["rows"] if form != "train"]
    found = {form: runs[0]["intervals"].get(f"{key.name}/{form}") for form in forms}
    return Line(f"{key.reader} #{key.setting[:6]}" if ambiguous else key.reader, key.model, key.samples, tuple(sorted(by_seed)),
                {form: tuple(run["metrics"][f"{key.name}/{form}"] for run in runs) for form in forms},
                {form: (interval["low"], interval["high"]) for form, interval in found.items() if interval}, key.name in MODEL_READERS)


def _read(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON ({error}). Delete it and run that job again.") from error
    if not isinstance(results, dict) or results.get("task") != "train":
        raise ValueError(f"{path}: not the results of relsym train. Pass runs=FOLDER of its runs alone.")
    return {**results, "path": str(path)}
