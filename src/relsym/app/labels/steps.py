"""The steps of ``relsym labels``; torch is imported from here on."""

from __future__ import annotations

import shlex
from pathlib import Path

import polars as pl
from omegaconf import DictConfig
from rich.table import Table
from rich.text import Text

from relsym.app.added_labels import added_to, check_new_label, remove_label, write_label
from relsym.app.asking import check_run_options
from relsym.app.earlier_run import load_run
from relsym.app.labels.examples import read_examples
from relsym.app.labels.trial import trial
from relsym.models.run import RunModel
from relsym.report.one_run.terminal import console
from relsym.runs.added_labels import read_added, read_version, versions_of
from relsym.runs.layout import CONFIG
from relsym.runs.lock import holding
from relsym.runs.stored_config import read_config
from relsym.visible import visible

ADD_ONE, LIST_ALL, REMOVE_ONE = "add", "list", "remove"
NEEDED_OPTIONS = {ADD_ONE: ("label", "examples"), LIST_ALL: (), REMOVE_ONE: ("label",)}
NOT_READ = {ADD_ONE: (), LIST_ALL: ("label", "examples"), REMOVE_ONE: ("examples",)}
CALLS = {
    ADD_ONE: "relsym labels add model.folder=RUN label=NAME examples=FILE",
    LIST_ALL: "relsym labels list model.folder=RUN",
    REMOVE_ONE: "relsym labels remove model.folder=RUN label=NAME",
}


def check(cfg: DictConfig) -> None:
    """Refuse everything that can be refused before a model is loaded.

    Raises:
        ValueError: options that do not work, alone or together.
        FileNotFoundError: no file of examples.
    """
    check_run_options(cfg, "labels")
    if cfg.action is None:
        raise ValueError("action is not set: relsym labels add, list or remove sets it.")
    if cfg.model.folder is None:
        raise ValueError(f"model.folder is not set: {CALLS[cfg.action]}")
    for key in NEEDED_OPTIONS[cfg.action]:
        if cfg[key] is None:
            raise ValueError(f"{key} is not set: {CALLS[cfg.action]}")
    for key in NOT_READ[cfg.action]:
        if cfg[key] is not None:
            raise ValueError(f"{key} is not for relsym labels {cfg.action}: {CALLS[cfg.action]}")
    if cfg.check and cfg.action != ADD_ONE:
        raise ValueError(f"check=true is not for relsym labels {cfg.action}: {CALLS[cfg.action]}")
    if cfg.examples is not None and not Path(str(cfg.examples)).expanduser().is_file():
        raise FileNotFoundError(f"examples={cfg.examples}: no such file.")
    folder = Path(str(cfg.model.folder)).expanduser()
    if not (folder / CONFIG).is_file():
        raise ValueError(
            f"model.folder={cfg.model.folder}: no finished run there. Pass the folder of a relsym train that "
            "ended."
        )


def act_on_labels(cfg: DictConfig) -> None:
    """Add, list or remove."""
    folder = Path(str(cfg.model.folder)).expanduser()
    if cfg.action == LIST_ALL:
        _show_labels(folder)
        return
    with holding(folder, "model.folder"):
        path = remove_label(folder, str(cfg.label)) if cfg.action == REMOVE_ONE else _add(cfg)
    _say(f"Written: {path}")
    _show_labels(folder)


def _add(cfg: DictConfig) -> Path:
    """Add a label, measured before if that is asked for; returns the new version's file."""
    label = str(cfg.label)
    pairs = read_examples(Path(str(cfg.examples)).expanduser(), cfg.labels.premise, cfg.labels.hypothesis)
    model = load_run(
        str(cfg.model.folder),
        cfg.precision,
        cfg.hardware.accelerator,
        cfg.model.trust_remote_code,
        list(cfg.trust),
    )
    check_new_label(label, model.labels)
    model.probe.answer_among(model.labels)
    if cfg.check:
        _show_trial(trial(model, pairs), label)
    added = added_to(model, label, pairs)
    _warn_of_votes(model, label, len(pairs))
    return write_label(model, label, added)


def _warn_of_votes(model: RunModel, label: str, pairs: int) -> None:
    """Say so where the pairs are too few to have the majority among the neighbours."""
    k = getattr(model.probe, "k", None)
    if k is not None and 2 * pairs <= k:
        _say(
            f"Note: {pairs} pairs of {label} are no majority of probe.k={k} neighbours, so that it is "
            "answered only where the other votes are split. Give more pairs."
        )


def _show_labels(folder: Path) -> None:
    """Print the labels of a run, and every version of those that were added."""
    trained = read_config(folder / CONFIG).labels
    newest = read_added(folder)
    _say(f"Labels: {', '.join([*trained, *newest.labels])} (trained: {', '.join(trained)})")
    versions = versions_of(folder)
    if not versions:
        return
    table = Table(title="Versions of the labels that were added")
    table.add_column("version", justify="right")
    table.add_column("labels, with their pairs", overflow="fold")
    for version, path in versions.items():
        labels = read_version(folder, path)
        shown = ", ".join(f"{label} {len(added.pairs):,}" for label, added in labels.items())
        table.add_row(str(version), Text(visible(shown or "none")))
    console().print(table)
    name = shlex.quote(str(folder))
    _say(f"The newest counts. Ask it: relsym predict model.folder={name} -- 'PREMISE' 'HYPOTHESIS'")


def _show_trial(measured: pl.DataFrame, label: str) -> None:
    """Print what was measured."""
    table = Table(title=f"{visible(label)}, means of 5 draws in %")
    for heading in ("examples", "reader", "new label right", "old labels before", "after"):
        table.add_column(heading, justify="left" if heading == "reader" else "right")
    for examples, reader, *shares in measured.iter_rows():
        table.add_row(str(examples), reader, *(f"{100 * share:.1f}" for share in shares))
    console().print(table)


def _say(line: str) -> None:
    console().print(visible(line), markup=False, highlight=False, soft_wrap=True)
