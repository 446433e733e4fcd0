"""The steps of ``relsym build``."""

from __future__ import annotations

import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from relsym.app.values.checks import check_values
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.building import build, with_files, write_benchmark
from relsym.data.card import card, property_rows
from relsym.data.manifest import Plan
from relsym.report.one_run.terminal import console
from relsym.runs.files import remove, write_atomically
from relsym.runs.layout import CARD, DATA, MANIFEST
from relsym.runs.manifest import Manifest, manifest_json

log = logging.getLogger(__name__)
# Written first, and moved away as the manifest is written: what lies beside it was left by a build that did not end.
UNFINISHED_BUILD = f"partial.{MANIFEST}"


def build_benchmark(cfg: DictConfig) -> None:
    """One benchmark, from the source to ``manifest.json``."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    check(folder)
    check_values(cfg, "build")
    plan: Plan = instantiate(cfg.benchmark, _convert_="all")
    if OmegaConf.select(cfg, "data.reader") is None:
        raise ValueError(f"data={HydraConfig.get().runtime.choices['data']} is no source of triples. Choose another data option.")
    benchmark: SymmetryBenchmark = instantiate(cfg.data.module.benchmark, _convert_="all")(audit=cfg.audit)
    if benchmark.held_out:
        raise ValueError("data.held_out is for training on a source as it is; build benchmark=held_out and train with data.fold=NAME.")
    log.info("%s", benchmark.told())
    built = build(plan, benchmark, cfg.seed)
    claim(folder)
    data = write_atomically(folder / DATA, lambda target: write_benchmark(built, target))
    manifest = with_files(built, data)
    write_atomically(folder / CARD, lambda target: target.write_text(card(manifest), encoding="utf-8"))
    tell(manifest, folder)
    text = manifest_json(manifest)
    write_atomically(folder / MANIFEST, lambda target: target.write_text(text, encoding="utf-8"))


def check(folder: Path) -> None:
    """Refuse a folder with a finished benchmark or with files that no build left.

    Raises:
        FileExistsError: with what is there.
    """
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} holds a finished benchmark ({MANIFEST}). Choose another hydra.run.dir, or delete the folder.")
    found = sorted(entry.name for entry in folder.iterdir())
    if found and UNFINISHED_BUILD not in found:
        raise FileExistsError(f"{folder} holds files that no build left: {', '.join(found[:5])}. Choose another hydra.run.dir.")


def claim(folder: Path) -> None:
    """Mark the folder as this build's, and clear what a killed one left."""
    if (folder / UNFINISHED_BUILD).exists():
        for left in (folder / DATA, folder / CARD, *folder.glob("partial.*")):
            remove(left)
    (folder / UNFINISHED_BUILD).touch()


def tell(manifest: Manifest, folder: Path) -> None:
    """What was found, made and written, as tables."""
    out = console()
    audit = Table(title=f"Audit ({manifest.audit.mode})")
    for heading in ("finding", "found", "removed", "decision", "example"):
        audit.add_column(heading, justify="right" if heading in ("found", "removed") else "left")
    for name, entry in manifest.audit.found.items():
        example = entry.examples[0] if entry.examples else ""
        audit.add_row(name, f"{entry.count:,}", f"{entry.removed:,}", entry.decision, example)
    rows = Table(title=f"{manifest.benchmark}: rows by property and part")
    for heading in ("property", "name", "kind", "reverse stated", *manifest.rows):
        rows.add_column(heading, justify="left" if heading in ("property", "name", "kind") else "right")
    for line in property_rows(manifest):
        rows.add_row(*line)
    rows.add_row("all", "", "", "", *(f"{count:,}" for count in manifest.rows.values()), style="bold")
    out.print(audit, rows)
    if manifest.scaled_down:
        log.info("scaled down: %d of %d examples, in the same proportions, are all that the source has", manifest.examples,
                 manifest.examples_asked)
    log.info("content hash: %s", manifest.content_hash)
    out.print(f"Benchmark: {folder}    relsym train data=built data.folder={folder}", soft_wrap=True)
