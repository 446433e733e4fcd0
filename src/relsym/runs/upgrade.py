"""Files of format 1 (``relsym.runs.format_1``), read as format 2.

What format 1 does not say is filled in from what was true then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from relsym.runs import results, sweeps
from relsym.runs.decoding import convert, parse_json
from relsym.runs.format_1 import (
    GROUPS,
    OBJECTIVES,
    PUBLISHED,
    READERS,
    FormerEntry,
    FormerEvaluateResults,
    FormerResults,
    FormerSweepFile,
    FormerTrainResults,
)
from relsym.runs.identity import Identity
from relsym.runs.results import (
    LAST,
    AnyResults,
    BenchmarkRecord,
    EvaluateResults,
    ObjectiveRecord,
    Reader,
    Settings,
    TrainResults,
    check_results,
    read_results,
)
from relsym.runs.sweeps import Entry, SweepFile, read_sweep

# Fields that kept their name and meaning: those of all results, of a training, of an evaluation, and of a job
# in a list.
_SAME = (
    "model",
    "metrics",
    "intervals",
    "score_on",
    "precision",
    "train_properties",
    "counts",
    "seed",
    "sample_seed",
    "job_hash",
    "cell_hash",
    "config_hash",
    "git_commit",
    "versions",
    "seconds",
    "memory",
)
_SAME_IN_TRAINING = (
    "labels",
    "recipe",
    "encoder",
    "model_sha256",
    "init",
    "sweep",
    "job",
    "epochs",
    "epoch_kept",
    "validation_accuracy",
    "replayed_rows",
    "replayed_distinct",
    "forgetting",
)
_SAME_IN_EVALUATION = (
    "kind",
    "source",
    "readings",
    "reading",
    "histograms",
    "reliability",
    "clusters",
    "unscored",
    "costs",
    "measured_rows",
    "measured_before",
    "model_fingerprint",
)
_SAME_IN_JOB = (
    "number",
    "name",
    "overrides",
    "choices",
    "samples",
    "seed",
    "score_on",
    "accelerator",
    "devices",
    "folder",
    "verdict",
    "error",
    "seconds",
    "solved",
)


def upgraded_results(path: Path) -> AnyResults | None:
    """The results in a file of format 1; None where the file is of today's format, and sound.

    Raises:
        OSError: it cannot be read.
        ValueError: damaged, not the results of a training or an evaluation, or without something that cannot
            be filled in; the message names file and keys.
    """
    content = parse_json(path, results.RUN_AGAIN)
    is_of_a_run = isinstance(content, dict) and content.get("task") in ("train", "evaluate")
    if not is_of_a_run or "format" in content:  # files of format 1 do not say their format
        read_results(path)  # says what is wrong with it, if anything is
        return None
    kind = FormerTrainResults if content["task"] == "train" else FormerEvaluateResults
    former = _decode(path, _nested(path, content), kind)
    if "train" not in former.rows:
        raise ValueError(lacking(path, ["rows.train"]))
    upgraded = _training(former) if isinstance(former, FormerTrainResults) else _evaluation(former)
    # What came to be checked only since then, such as figures out of their range.
    check_results(msgspec.structs.replace(upgraded, path=str(path)))
    return upgraded


def upgraded_sweep(path: Path) -> SweepFile | None:
    """The list of jobs in a file of format 1; None where the file is of today's format, and sound.

    Raises as ``upgraded_results``.
    """
    content = parse_json(path, sweeps.SWEEP_AGAIN)
    if not isinstance(content, dict) or content.get("format", 1) != 1:
        read_sweep(path)  # says what is wrong with it, if anything is
        return None
    former = _decode(path, content, FormerSweepFile)
    jobs = [_entry(job) for job in former.jobs]
    return SweepFile(former.name, former.relsym, former.folder, jobs)


def lacking(path: Path, keys: list[str]) -> str:
    """The message about a file that lacks keys which nothing else tells."""
    return f"{path}: cannot be upgraded: {path.name} lacks {', '.join(keys)}: run that job again."


def _decode(path: Path, content: dict[str, Any], kind: type[msgspec.Struct]) -> Any:
    """A file of format 1 as a struct; unlike msgspec, the message names all keys that are missing at once."""
    missing = []
    for field in msgspec.structs.fields(kind):
        if field.required and field.encode_name not in content:
            missing.append(field.encode_name)
    if missing:
        raise ValueError(lacking(path, missing))
    return convert(path, content, kind, results.RUN_AGAIN)


def _nested(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Results with the keys of each group below the group's name."""
    nested: dict[str, Any] = {group: {} for group in GROUPS}
    for key, value in content.items():
        group, _, name = key.partition("/")
        if group in GROUPS and name:
            nested[group][name] = value
        elif key in GROUPS:  # it would be written over, or taken for a group of format 2
            raise ValueError(f"{path}: {key}: format 1 has no such key. {results.RUN_AGAIN}")
        else:
            nested[key] = value
    return nested


def _same(former: msgspec.Struct, names: Iterable[str]) -> dict[str, Any]:
    """The values of some fields, by name."""
    return {name: getattr(former, name) for name in names}


def _training(former: FormerTrainResults) -> TrainResults:
    """The results of a training."""
    hashes = former.setting_hashes
    # Weights that an earlier run trained further are published nowhere.
    published = None if former.init else published_of(former.encoder)
    return TrainResults(
        **_common(former),
        **_same(former, _SAME_IN_TRAINING),
        published=published,
        objective=_objective(former),
        settings=Settings(hashes.data, hashes.encoder, hashes.all, hashes.ladder),
    )


def _evaluation(former: FormerEvaluateResults) -> EvaluateResults:
    """The results of an evaluation."""
    published = published_of(former.source) if former.kind == "encoder" else None
    return EvaluateResults(**_common(former), **_same(former, _SAME_IN_EVALUATION), published=published)


def _common(former: FormerResults) -> dict[str, Any]:
    """The fields of format 2 that both tasks have, but for ``published``."""
    benchmark = BenchmarkRecord(
        title=former.benchmark,
        content_hash=former.benchmark_hash,
        rows_hash=former.rows_hash,
        sides=former.sides,
        fold=former.fold,
        kinds=former.kinds,
    )
    fields = _same(former, _SAME)
    fields["benchmark"] = benchmark
    fields["readers"] = _readers(former)
    fields["choices"] = _choices(former)
    # ``rows`` counted the trained ones too, among those of the forms.
    fields["train_rows"] = former.rows["train"]
    fields["rows"] = {form: count for form, count in former.rows.items() if form != "train"}
    return fields


def _choices(former: FormerResults) -> dict[str, str | None]:
    """The options by group; what was no text, such as a list of options, as text."""
    choices = {}
    for group, option in former.choices.items():
        choices[group] = None if option is None else str(option)
    return choices


def _readers(former: FormerResults) -> dict[str, Reader]:
    """The readers that have figures."""
    when = "untrained" if former.init is None else "before retraining"
    metric = _metric(former)
    readers = {}
    for key, reader in READERS.items():
        if any(f"{key}/{form}" in former.metrics for form in former.rows):
            # Titles without room for the two are left as they are.
            title = reader.title.format(when, metric)
            readers[key] = msgspec.structs.replace(reader, title=title)
    return readers


def _metric(former: FormerResults) -> str:
    """The metric by which pairs were compared; without one (``pair``) they were read as one input."""
    option = str(former.choices.get("metric"))
    return "pair" if option == "none" else option


def _objective(former: FormerTrainResults) -> ObjectiveRecord:
    """The objective in the words of a report; one of the user's own is called by its option."""
    option = str(former.choices.get("objective"))
    name = OBJECTIVES.get(option, option)
    metric = _metric(former)
    label = name if metric == "pair" else f"{name} ({metric})"
    if former.recipe:
        label += f" + {', '.join(former.recipe)}"
    place = list(OBJECTIVES).index(option) if option in OBJECTIVES else LAST
    return ObjectiveRecord(label, name, place, metric)


def published_of(source: Mapping[str, Any]) -> str | None:
    """The hub id of an encoder's published weights, from what was recorded of their origin; None for others.

    The commit tells: it was recorded of what came from the hub, and of that alone.
    """
    name = str(source.get("name"))
    # The bundled encoder is recorded by a name of its own, with the hub id of its weights in brackets.
    if name.endswith(f"({PUBLISHED['bundled']})"):
        return PUBLISHED["bundled"]
    if source.get("commit") is not None or name in PUBLISHED.values():
        return name
    return None


def _published_by_option(job: FormerEntry) -> str | None:
    """The hub id of a job's published weights, from the words of its command: it may not have run yet.

    None where they name an earlier run, or a model of the user's own.
    """
    words = {}
    for word in job.overrides:
        key, equals, value = word.lstrip("+").partition("=")
        if equals:
            words[key] = value
    if words.get("init", "null") != "null":
        return None
    if "model.name" in words:
        name = words["model.name"]
        return name if name in PUBLISHED.values() else None
    return PUBLISHED.get(job.choices.get("model", ""))


def _entry(job: FormerEntry) -> Entry:
    """One job of a list."""
    identity = Identity(job.identity.cell, job.identity.job, job.identity.ladder)
    return Entry(**_same(job, _SAME_IN_JOB), published=_published_by_option(job), identity=identity)
