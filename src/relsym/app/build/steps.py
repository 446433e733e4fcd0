"""The steps of ``relsym build``."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from relsym.app.data_kind import check_trains
from relsym.app.output_folder import check_build_folder, claim_output_folder, finish_output_folder
from relsym.app.values.checks import check_values
from relsym.app.values.packages import check_packages
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.building import build, with_files, write_benchmark
from relsym.data.card import card, properties_with_rows, property_rows
from relsym.data.manifest import Plan
from relsym.report.one_run.terminal import MOST_PROPERTIES, console
from relsym.runs.files import write_atomically, write_text_atomically
from relsym.runs.layout import CARD, DATA, MANIFEST
from relsym.runs.manifest import Manifest, manifest_json

log = logging.getLogger(__name__)


def build_benchmark(cfg: DictConfig) -> None:
    """Build one benchmark, from the source of its triples to ``manifest.json``.

    Raises:
        FileExistsError: the folder holds a finished benchmark or files of others.
        ValueError: the data option has no triples, or holds relations out already.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    check_build_folder(folder)
    check_values(cfg, "build")

    plan: Plan = instantiate(cfg.benchmark, _convert_="all")
    if OmegaConf.select(cfg, "data.reader") is None:
        check_trains(cfg.data, "build")
        data_option = HydraConfig.get().runtime.choices["data"]
        raise ValueError(f"data={data_option} is no source of triples. Choose another data option.")
    check_packages(cfg.data.reader)
    # The option is a partial one: how findings of the audit are decided is an option of the build alone.
    make_benchmark = instantiate(cfg.data.module.benchmark, _convert_="all")
    benchmark: SymmetryBenchmark = make_benchmark(audit=cfg.audit)
    if benchmark.held_out:
        raise ValueError(
            "data.held_out is for training on a source as it is; build benchmark=held_out and train with "
            "data.fold=NAME."
        )
    log.info("%s", benchmark.told())
    built = build(plan, benchmark, cfg.seed)

    # Nothing is written before the benchmark is complete in memory, and the manifest is written last.
    claim_output_folder(folder, MANIFEST, [DATA, CARD])
    data = write_atomically(folder / DATA, lambda target: write_benchmark(built, target))
    manifest = with_files(built, data)
    write_text_atomically(folder / CARD, card(manifest))
    tell(manifest, folder)
    finish_output_folder(folder, MANIFEST, manifest_json(manifest))


def tell(manifest: Manifest, folder: Path) -> None:
    """Print the findings of the audit and the rows of the benchmark, as tables, and how to train on it."""
    out = console()
    out.print(_audit_table(manifest), _rows_table(manifest))
    if manifest.scaled_down:
        log.info(
            "scaled down: %d of %d examples, in the same proportions, are all that the source has",
            manifest.examples,
            manifest.examples_asked,
        )
    log.info("content hash: %s", manifest.content_hash)
    out.print(f"Benchmark: {folder}    relsym train data=built data.folder={folder}", soft_wrap=True)


def _audit_table(manifest: Manifest) -> Table:
    """One line for each kind of finding: how many, how many were removed, what was decided, an example."""
    table = Table(title=f"Audit ({manifest.audit.mode})")
    for heading in ("finding", "found", "removed", "decision", "example"):
        is_number = heading in ("found", "removed")
        table.add_column(heading, justify="right" if is_number else "left")
    for name, entry in manifest.audit.found.items():
        example = entry.examples[0] if entry.examples else ""
        table.add_row(name, f"{entry.count:,}", f"{entry.removed:,}", entry.decision, example)
    return table


def _rows_table(manifest: Manifest) -> Table:
    """How many rows each property has in each part of the benchmark, or each kind of very many; sums last."""
    properties = properties_with_rows(manifest)
    if len(properties) > MOST_PROPERTIES:
        table = _kinds_table(manifest, properties)
    else:
        table = _properties_table(manifest)
    without = len(manifest.relations) - len(properties)
    if without:
        table.caption = f"{without:,} further properties of the table have no row."
    return table


def _properties_table(manifest: Manifest) -> Table:
    """One line for each property with rows."""
    table = Table(title=f"{manifest.benchmark}: rows by property and part")
    for heading in ("property", "name", "kind", "reverse stated", *manifest.rows):
        is_text = heading in ("property", "name", "kind")
        table.add_column(heading, justify="left" if is_text else "right")
    for cells in property_rows(manifest):
        table.add_row(*cells)
    table.add_row("all", "", "", "", *_totals(manifest), style="bold")
    return table


def _kinds_table(manifest: Manifest, properties: list[str]) -> Table:
    """One line for each kind of property; what each property has stands in the data card."""
    table = Table(title=f"{manifest.benchmark}: rows by kind and part ({CARD}: by property)")
    table.add_column("kind")
    for heading in ("properties", *manifest.rows):
        table.add_column(heading, justify="right")
    properties_of: dict[str, list[str]] = defaultdict(list)
    for property in properties:
        properties_of[manifest.relations[property].kind].append(property)
    for kind, of_kind in properties_of.items():
        cells = [kind, f"{len(of_kind):,}"]
        for rows_of in manifest.counts.values():
            rows = sum(rows_of.get(property, 0) for property in of_kind)
            cells.append(f"{rows:,}")
        table.add_row(*cells)
    table.add_row("all", f"{len(properties):,}", *_totals(manifest), style="bold")
    return table


def _totals(manifest: Manifest) -> list[str]:
    """The rows of each part."""
    return [f"{count:,}" for count in manifest.rows.values()]
