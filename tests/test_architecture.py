"""The rooms import in one direction; light commands stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import relsym

SOURCE = Path(relsym.__file__).parent
ROOMS = ["runs", "data", "encoders", "metrics", "objectives", "probes", "evaluation", "models", "report", "app"]
FILES = sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Absolute names of everything a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_room_imports_only_from_rooms_to_its_left(path):
    parts = path.relative_to(SOURCE).parts
    room = parts[0] if len(parts) > 1 else "app"
    for name in imports(path):
        if name.startswith("relsym.") and name.split(".")[1] in ROOMS:
            assert ROOMS.index(name.split(".")[1]) <= ROOMS.index(room), f"{path} imports {name}"


def test_only_the_app_knows_hydra_and_only_one_file_knows_faiss():
    for path in FILES:
        packages = {name.split(".")[0] for name in imports(path)}
        assert "hydra" not in packages or path.relative_to(SOURCE).parts[0] == "app", path
        assert "faiss" not in packages or path.name == "search.py", path


def loaded(code: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_report_never_imports_torch():
    code = "import relsym.report.collect, relsym.report.one_run.terminal, relsym.report.figures.readers"
    assert not loaded(code) & {"torch", "pytorch_lightning", "transformers"}


def test_the_command_line_loads_nothing_heavy_before_a_task_needs_it():
    assert not loaded("import relsym.app.cli") & {"torch", "hydra", "omegaconf", "transformers", "wandb"}
    assert not loaded("import relsym.app.build.__main__, relsym.app.train.__main__, relsym.app.report.__main__, relsym.app.sweep.run, hydra_plugins.relsym_sweeps") & {"torch", "transformers", "wandb", "matplotlib", "polars", "datasets"}


def test_every_command_is_one_short_file():
    from relsym.app.cli import TASKS
    for task in TASKS:
        assert len((SOURCE / "app" / f"{task}.py").read_text().splitlines()) <= 60
