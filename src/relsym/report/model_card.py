"""The card of a retrained encoder, made from the record of its run: what the Hugging Face hub shows of it."""

from __future__ import annotations

from huggingface_hub import EvalResult, ModelCardData

from relsym.data.card import cell
from relsym.report.one_run.terminal import interval_text
from relsym.report.wording import CAUTION, percent
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import TrainResults
from relsym.visible import visible

# What is measured -> its key, and that of the kind of relation.
MEASURES = {
    "accuracy": ("accuracy", ""),
    "whole groups, symmetric": ("groups", "/symmetric"),
    "whole groups, antisymmetric": ("groups", "/antisymmetric"),
}
MODEL_LIMITS = """\
- It was scored on relations between named things, one short sentence each, in English wordings written by
  hand. Of other texts nothing is known.
- The claim is "both cannot hold at once", not the entailment of NLI.
- {caution}
- A premise that denies an antisymmetric statement does not give its reverse; a model whose answers follow
  from signs says that it does.
- What it answers about people and places repeats what sentences say, true or not: it knows no facts."""


def model_card(results: TrainResults, repository: str, note: str = "") -> str:
    """README.md of a published run.

    Args:
        results: of the run.
        repository: what a reader loads it by: ``OWNER/NAME``, or a folder.
        note: on its weights, below the scores.

    Returns:
        Metadata between two lines of dashes (library, encoder, model index), then Markdown.
    """
    name = visible(f"{results.objective.label}: {results.model}")
    parts = [
        f"---\n{_metadata(results, name).to_yaml()}\n---",
        f"# {cell(name)}",
        f"The encoder {cell(results.began_with or results.model)}, retrained with relsym to know which "
        "relations hold in both directions, and which exclude their reverse.",
        _use(repository),
        "## Scores",
        _scores(results, note),
        "## Training",
        _training(results),
        "## Limits",
        MODEL_LIMITS.format(caution=CAUTION),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(results: TrainResults, name: str) -> ModelCardData:
    """What the hub reads: accuracies of each form stand in the model index."""
    scores = []
    for form in results.forms:
        score = EvalResult(
            task_type="natural-language-inference",
            dataset_type=f"relsym/{visible(results.benchmark.title)}",
            dataset_name=f"{visible(results.benchmark.title)}, {form}",
            dataset_split=results.score_on,
            dataset_revision=results.benchmark.content_hash,
            metric_type="accuracy",
            metric_name=f"accuracy, {form}",
            metric_value=round(results.accuracy(form), 4),
        )
        scores.append(score)
    return ModelCardData(
        language="en",
        library_name="relsym",
        tags=["relational-symmetry", "relsym", "text-classification"],
        base_model=visible(results.began_with) if results.began_with else None,
        model_name=name,
        eval_results=scores,
    )


def _use(repository: str) -> str:
    return f"""\
```python
from relsym import SymmetryModel

model = SymmetryModel.from_pretrained({visible(repository)!r})
model.predict([("Ann is a parent of Bo.", "Bo is a parent of Ann.")])
```"""


def _scores(results: TrainResults, note: str) -> str:
    """Each form with its interval, beside the best of the shortcuts on the same rows; then whole groups.

    Args:
        results: of the run.
        note: on its weights; empty where there is nothing to say.
    """
    lines = [
        "| measure | form | model, in % [95 % interval] | best shortcut | in % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for title, (measure, kind) in MEASURES.items():
        for form in results.forms:
            slice = f"{form}{kind}"
            interval = results.intervals.get(f"{measure_of(results.accuracy_key, measure)}/{slice}")
            if interval is None:  # no contrast benchmark, which alone has groups
                continue
            cells = [title, f"{form} ({interval.rows})", interval_text(interval)]
            cells += _best_shortcut(results, measure, slice)
            lines.append(f"| {' | '.join(map(cell, cells))} |")
    lines += ["", f"One seed ({results.seed}); the {results.score_on} part."]
    if note:
        lines += ["", note]
    return "\n".join(lines)


def _best_shortcut(results: TrainResults, measure: str, slice: str) -> list[str]:
    """The title and the share of the shortcut that is best at this."""
    shares = {}
    for key in results.shortcuts:
        share = results.metrics.get(f"{measure_of(key, measure)}/{slice}")
        if share is not None:
            shares[key] = share
    if not shares:
        return ["-", "-"]
    best = max(shares, key=shares.__getitem__)
    return [results.shortcuts[best].title, percent(shares[best])]


def _training(results: TrainResults) -> str:
    """What it learnt from, with the hashes that say whether two runs had the same rows."""
    benchmark = results.benchmark
    entries = {
        "objective": results.objective.label,
        "labels": ", ".join(results.labels),
        "training rows": f"{results.train_rows:,}",
        "data": f"{benchmark.title} (split: {benchmark.sides or 'by files'})",
        "SHA-256 of the benchmark": benchmark.content_hash,
        "SHA-256 of the scored rows": benchmark.rows_hash,
        "SHA-256 of the configuration": results.config_hash,
        "precision": results.precision,
        "relsym": results.relsym,
    }
    lines = [f"- {name}: {cell(value)}" for name, value in entries.items()]
    return "\n".join(lines)
