"""docs/run-folder.md names every field of every file that relsym.runs reads, and no other."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest

import relsym.runs
from relsym.runs import layout
from relsym.runs.metric_keys import RANGES
from relsym.runs.results import results_json
from relsym.runs.upgrade import upgraded_results

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")


def structs() -> dict[str, type[msgspec.Struct]]:
    """Every public struct of relsym.runs, but for those of an earlier format."""
    kinds = {}
    for info in pkgutil.iter_modules(relsym.runs.__path__):
        module = importlib.import_module(f"relsym.runs.{info.name}")
        for name, kind in vars(module).items():
            is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
            if not is_struct or kind is msgspec.Struct or name.startswith("_"):
                continue
            if kind.__module__ != "relsym.runs.format_1":
                kinds[kind.__name__] = kind
    return kinds


def tables() -> list[tuple[str, list[list[str]]]]:
    """The heading of every table of fields, with its rows."""
    headed = []
    for section in TEXT.split("\n### `")[1:]:
        heading = section.partition("`")[0]
        rows = [cells(line) for line in section.splitlines() if line.startswith("| `")]
        headed.append((heading, rows))
    return headed


def cells(line: str) -> list[str]:
    """What a line of a table holds; a bar behind a backslash is part of a cell."""
    return [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_struct_has_one_table_and_no_table_is_of_nothing():
    assert sorted(name for name, _ in tables()) == sorted(structs())


@pytest.mark.parametrize("name", structs())
def test_every_field_is_documented_once_with_its_type(name):
    """A subclass documents the fields that it adds."""
    added = inspect.get_annotations(structs()[name])
    documented = [(field, kind.replace("\\|", "|")) for field, kind, _, _ in dict(tables())[name]]
    assert sorted(documented) == sorted((field, str(kind)) for field, kind in added.items())


@pytest.mark.parametrize("name", structs())
def test_every_field_has_a_meaning(name):
    for field, _, unit, meaning in dict(tables())[name]:
        assert unit, field
        assert meaning.endswith((".", ")")), field


def test_every_file_is_named():
    names = [value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)]
    assert [name for name in names if name not in TEXT] == []


def test_every_measure_with_a_range_of_its_own_is_named():
    for measure in RANGES:
        assert f"`{measure}`" in TEXT


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "outputs" / "run"
    folder.mkdir(parents=True)
    former = ROOT / "tests" / "fixtures" / "format_1" / "run" / "results.json"
    (folder / "results.json").write_text(results_json(upgraded_results(former)))
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    out = capsys.readouterr().out
    assert "k-NN (hadamard) lexicalised" in out
    assert "template look-up" in out


def test_the_readme_links_to_it():
    assert "docs/run-folder.md" in (ROOT / "README.md").read_text(encoding="utf-8")
