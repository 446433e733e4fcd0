"""Shared fixtures: a synthetic source of triples, a tiny encoder, and the command line in this process or in
one of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from filelock import lock_descriptor
from hypothesis import HealthCheck, settings

from relsym.data.relations import read_relations
from relsym.runs.layout import LOCK

# A busy machine is no failure, and a failure has to come again when the test is run again.
settings.register_profile(
    "relsym", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("relsym")
FACTS_PER_PROPERTY = 24


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HYDRA_FULL_ERROR", "RELSYM_FULL_ERROR", "PL_GLOBAL_SEED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def facts() -> list[tuple[str, str, str]]:
    """Facts of all 14 properties over made-up entities, each entity in one fact."""
    rows, number = [], 1
    for property in read_relations():
        for _ in range(FACTS_PER_PROPERTY):
            rows.append((f"Q{number}", property, f"Q{number + 1}"))
            number += 2
    return rows


@pytest.fixture
def triples_folder(tmp_path: Path, facts: list[tuple[str, str, str]]) -> Path:
    """The facts as a folder in the Wikidata5M layout."""
    folder = tmp_path / "triples"
    folder.mkdir()
    (folder / "triples.tsv").write_text("".join("\t".join(fact) + "\n" for fact in facts))
    entities = sorted({entity for s, _, o in facts for entity in (s, o)}, key=lambda q: int(q[1:]))
    (folder / "entities.tsv").write_text("".join(f"{q}\tname {q[1:]}\n" for q in entities))
    return folder


@pytest.fixture
def mnli_folder(tmp_path: Path) -> Path:
    """Three-way NLI rows as JSONL, in the hub's column names."""
    folder = tmp_path / "mnli"
    folder.mkdir()
    for name, count in (("train.jsonl", 60), ("dev_matched.jsonl", 30)):
        rows = [
            {
                "premise": f"premise {name} {i // 3}",
                "hypothesis": f"hypothesis {i}",
                "label": ("entailment", "neutral", "contradiction")[i % 3],
            }
            for i in range(count)
        ]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def offline_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub's libraries, without network and with an empty cache."""
    # The library reads its environment once, when it is imported: what is imported already has to be told
    # too.
    datasets = pytest.importorskip("datasets")
    hub = pytest.importorskip("huggingface_hub")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hub_folder(tmp_path: Path) -> Callable[..., Path]:
    """Splits -> a folder in the hub's layout."""

    def make(name: str = "set", suffix: str = "parquet", header: str = "", **splits: Any) -> Path:
        data = tmp_path / name / "data"
        data.mkdir(parents=True, exist_ok=True)
        for split, rows in splits.items():
            path = data / f"{split}-00000-of-00001.{suffix}"
            rows.write_parquet(path) if suffix == "parquet" else rows.write_csv(path)
        files = "".join(f"  - split: {split}\n    path: data/{split}-*\n" for split in splits)
        (data.parent / "README.md").write_text(
            f"---\nlicense: mit\n{header}configs:\n- config_name: default\n  data_files:\n{files}---\n# A "
            "set\n"
        )
        return data.parent

    return make


@pytest.fixture
def occupied() -> Callable[[Path], AbstractContextManager[None]]:
    """A folder, held as another process that writes there holds it."""

    @contextmanager
    def held(folder: Path) -> Iterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / LOCK, "ab") as stream:
            assert lock_descriptor(stream.fileno(), blocking=False)
            yield

    return held


@pytest.fixture
def relsym(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``relsym TASK ...`` in this process."""
    from hydra.core.global_hydra import GlobalHydra

    from relsym.app import entry
    from relsym.app.build import __main__ as build
    from relsym.app.check import __main__ as check
    from relsym.app.evaluate import __main__ as evaluate
    from relsym.app.export import __main__ as export
    from relsym.app.index import __main__ as index
    from relsym.app.labels import __main__ as labels
    from relsym.app.predict import __main__ as predict
    from relsym.app.report import __main__ as report
    from relsym.app.train import __main__ as train
    from relsym.app.upgrade import __main__ as upgrade

    def call(task: str, *arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["relsym", *arguments])
        capfd.readouterr()
        try:
            entry.run(
                {
                    "build": build.main,
                    "check": check.command,
                    "train": train.main,
                    "evaluate": evaluate.main,
                    "export": export.main,
                    "index": index.command,
                    "labels": labels.command,
                    "predict": predict.command,
                    "report": report.main,
                    "upgrade": upgrade.main,
                }[task],
                failed=check.ERROR_CODE if task == "check" else 1,
            )
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            GlobalHydra.instance().clear()
            # entry.run sets it for Hydra's sake; the next call has to find what the user had.
            os.environ.pop("HYDRA_FULL_ERROR", None)
            os.environ.pop("RELSYM_FULL_ERROR", None)
        return Ended(code, *capfd.readouterr())

    return call


@pytest.fixture
def shell() -> Callable[..., Ended]:
    """A command in a process of its own."""

    def call(*command: str, timeout: float = 240, cwd: Path | None = None, **environment: str) -> Ended:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            env={**os.environ, **environment},
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def quick(tmp_path: Path) -> tuple[str, ...]:
    """Overrides for a run that takes a second."""
    return (
        "model=tiny",
        "tracking=csv",
        "training.max_steps=1",
        "data.samples=8",
        "data.test_pairs=8",
        f"hydra.run.dir={tmp_path / 'run'}",
    )


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, in seconds, in no time; requests to the loopback interface pass by any proxy."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return slept


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real rows."""
    folder = os.environ.get("RELSYM_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RELSYM_REAL_DATA names no folder with real Wikidata and MNLI rows")
    return Path(folder)


@pytest.fixture(scope="session")
def real_smollm2() -> Path:
    """The weight file of the language model that comes in a package."""
    pytest.importorskip("gguf", reason='pip install ".[smollm2]"')
    from relsym.models.smollm2 import find_gguf

    try:
        return find_gguf()
    except ImportError as error:
        pytest.skip(str(error))
