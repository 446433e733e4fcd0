"""The steps of ``relsym labels``; torch is imported from here on."""

from __future__ import annotations

import shlex
from pathlib import Path

import polars as pl
from omegaconf import DictConfig
from rich.table import Table
from rich.text import Text

from relsym.app.added_labels import add_label, check_new_label, remove_label
from relsym.app.asking import check_run_options, load_asked
from relsym.app.labels.examples import read_examples
from relsym.app.labels.trial import trial
from relsym.report.one_run.terminal import console
from relsym.runs.added_labels import newest_version, read_version, versions_of
from relsym.runs.layout import CONFIG
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
    _check_trial(cfg)
    if cfg.examples is not None and not Path(str(cfg.examples)).expanduser().is_file():
        raise FileNotFoundError(f"examples={cfg.examples}: no such file.")
    folder = Path(str(cfg.model.folder)).expanduser()
    if not (folder / CONFIG).is_file():
        raise ValueError(
            f"model.folder={cfg.model.folder}: no finished run there. Pass the folder of a relsym train that "
            "ended."
        )


def _check_trial(cfg: DictConfig) -> None:
    """Refuse a trial where nothing is added, and neither trial nor label."""
    if cfg.action != ADD_ONE and (cfg.check or not cfg.write):
        raise ValueError(f"check and write are not for relsym labels {cfg.action}: {CALLS[cfg.action]}")
    if not (cfg.check or cfg.write):
        raise ValueError("write=false without check=true: there is nothing to do.")


def act_on_labels(cfg: DictConfig) -> None:
    """Add, list or remove."""
    folder = Path(str(cfg.model.folder)).expanduser()
    path = None
    if cfg.action == ADD_ONE:
        path = _add(cfg)
    elif cfg.action == REMOVE_ONE:
        path = remove_label(folder, str(cfg.label))
    if path is not None:
        _say(f"Written: {path}")
    _show_labels(folder)


def _add(cfg: DictConfig) -> Path | None:
    """Add a label, measured before if that is asked for.

    Returns:
        The new version's file; None where it was only measured.
    """
    label = str(cfg.label)
    pairs = read_examples(Path(str(cfg.examples)).expanduser(), cfg.labels.premise, cfg.labels.hypothesis)
    model = load_asked(cfg, str(cfg.model.folder), cfg.precision)
    check_new_label(label, model.labels)
    model.probe.answer_among(model.labels)
    if cfg.check:
        _show_trial(trial(model, pairs), label)
    if not cfg.write:
        return None
    path = add_label(model, label, pairs)
    k = getattr(model.probe, "k", None)
    if k is not None and 2 * len(pairs) <= k:
        _say(
            f"Note: {len(pairs)} pairs of {label} are no majority of probe.k={k} neighbours, so that others "
            "have to disagree before it is answered. To give more, remove the label and add it again."
        )
    return path


def _show_labels(folder: Path) -> None:
    """Print the labels of a run, and every version of those that were added."""
    trained = read_config(folder / CONFIG).labels
    newest = newest_version(folder)
    added = newest[1].names() if newest else []
    _say(f"Labels: {', '.join([*trained, *added])} (trained: {', '.join(trained)})")
    if newest is None:
        return
    table = Table(title="Versions of the labels that were added")
    table.add_column("version", justify="right")
    table.add_column("labels, with their pairs", overflow="fold")
    for number, path in versions_of(folder).items():
        table.add_row(str(number), Text(visible(_told_version(path))))
    console().print(table)
    name = shlex.quote(str(folder))
    _say(f"The newest counts. Ask it: relsym predict model.folder={name} -- 'PREMISE' 'HYPOTHESIS'")


def _told_version(path: Path) -> str:
    """The labels of a version; of an old one that is damaged nothing is lost."""
    try:
        labels = read_version(path).labels
    except ValueError:
        return "damaged"
    return ", ".join(f"{added.label} {len(added.pairs):,}" for added in labels) or "none"


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
