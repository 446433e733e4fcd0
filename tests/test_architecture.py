"""The rooms import in one direction; light commands stay light."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import relsym

SOURCE = Path(relsym.__file__).parent
ROOMS = [
    "runs",
    "data",
    "encoders",
    "metrics",
    "objectives",
    "probes",
    "evaluation",
    "checking",
    "models",
    "retrieval",
    "report",
    "app",
]
FILES = sorted(SOURCE.rglob("*.py"))
# What may stand in several files: entry points that are called by their module's name, and settings that mean
# the same of each file.
SAME_EVERYWHERE = {
    "main",
    "check",
    "log",
    "LOG",
    "STOP_S",
    "TOKENS_PER_BATCH_CPU",
    "TOKENS_PER_BATCH_GPU",
    "command",
}


def module_of(path: Path) -> str:
    """``relsym.runs.results``; of a package its own name."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}
DRAW_ROOMS = runpy.run_path(str(SOURCE.parent.parent / "scripts" / "draw_rooms.py"))


def imports(path: Path) -> set[str]:
    """Absolute names of every module that a file imports, anywhere in it, and of what it takes from them."""
    return DRAW_ROOMS["imported_names"](path)  # refuses relative imports


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_room_imports_only_from_rooms_to_its_left(path):
    parts = path.relative_to(SOURCE).parts
    room = parts[0] if len(parts) > 1 else "app"
    for name in imports(path):
        if name.startswith("relsym.") and name.split(".")[1] in ROOMS:
            assert ROOMS.index(name.split(".")[1]) <= ROOMS.index(room), f"{path} imports {name}"


def names(path: Path) -> set[str]:
    """Public names that a file defines outside functions and classes."""
    defined = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {
                part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
            }
    return {name for name in defined if not name.startswith("_")}


def test_a_name_means_one_thing_in_all_rooms():
    places = defaultdict(list)
    for path in FILES:
        for name in names(path) - SAME_EVERYWHERE:
            places[name].append(str(path.relative_to(SOURCE)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_file_imports_one_that_imports_it():
    needed = {}
    for name, path in MODULES.items():
        packages = {name.rpartition(".")[0] for name in imports(path) & set(MODULES)}
        # A package's own file, which says only what it is about, is imported with everything in it.
        needed[name] = imports(path) & set(MODULES) - packages
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        pytest.fail(f"files import each other in a circle: {' <- '.join(error.args[1])}")


def test_only_the_app_knows_hydra_and_only_what_searches_knows_faiss():
    for path in FILES:
        packages = {name.split(".")[0] for name in imports(path)}
        assert "hydra" not in packages or path.relative_to(SOURCE).parts[0] == "app", path
        assert "faiss" not in packages or path.name in ("search.py", "vector_search.py"), path


def loaded(code: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.split())


def modules_below(package: str) -> str:
    """Every module of a package, as an import statement lists them."""
    return ", ".join(name for name in MODULES if name.startswith(f"{package}."))


def test_the_report_never_imports_torch():
    names = modules_below("relsym.report")
    assert "relsym.report.tables.paper_cells" in names
    assert not loaded(f"import {names}") & {"torch", "pytorch_lightning", "transformers"}


def test_what_a_run_leaves_on_disk_is_read_without_torch_and_without_hydra():
    names = modules_below("relsym.runs")
    assert "relsym.runs.results" in names
    assert not loaded(f"import {names}") & {"torch", "hydra", "omegaconf"}


def test_the_command_line_loads_nothing_heavy_before_a_task_needs_it():
    assert not loaded("import relsym.app.cli") & {"torch", "hydra", "omegaconf", "transformers", "wandb"}
    assert not loaded(
        "import relsym.app.build.__main__, relsym.app.train.__main__, relsym.app.report.__main__, "
        "relsym.app.sweep.run, hydra_plugins.relsym_sweeps"
    ) & {"torch", "transformers", "wandb", "matplotlib", "polars", "datasets"}


def test_every_command_begins_in_one_short_file():
    from relsym.app.cli import TASKS

    for task in TASKS:
        assert len((SOURCE / "app" / task / "__main__.py").read_text().splitlines()) <= 65


def test_the_picture_of_the_rooms_shows_the_imports():
    """Draw it again with: python scripts/draw_rooms.py"""
    drawn = (SOURCE.parent.parent / "docs" / "rooms.svg").read_text(encoding="utf-8")
    edges = DRAW_ROOMS["imports_between_rooms"]()
    assert DRAW_ROOMS["described"](edges) in drawn


# A file in a document, with a name in it or without: `data/module.py: PairData`, `steps.py`.
NAMED_FILE = re.compile(r"`([\w./]+\.(?:py|js))(?:: ([\w.]+))?`")


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_files_and_names_in_the_map_are_there(document):
    root = SOURCE.parent.parent
    text = (root / document).read_text(encoding="utf-8")
    named = NAMED_FILE.findall(text)
    assert named
    for name, attribute in named:
        if "NAME" in name:
            continue
        # Files are named from the root, from the source, or from somewhere in it.
        places = [root / name, SOURCE / name, root / "benchmarks" / name, *SOURCE.rglob(name)]
        files = [place for place in places if place.is_file()]
        assert files, f"{document}: no {name}"
        words = attribute.split(".") if attribute else []
        contents = [file.read_text(encoding="utf-8") for file in files]
        assert any(all(word in content for word in words) for content in contents), (
            f"{document}: {name}: {attribute}"
        )
