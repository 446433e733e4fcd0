"""A line is read once: how much stands on the lines and in the statements of the source.

Sizes are counted in nodes of Python's syntax tree. What a failure names is unfolded into named steps;
splitting a clear line to please the count helps nobody.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import relsym

SOURCE = Path(relsym.__file__).parent
FILES = sorted(SOURCE.parent.rglob("*.py"))
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Statements that hold no other statements.
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
# Names that say how a value came, not what it is.
EMPTY_NAMES = {"found", "told"}


@cache
def nodes_by_file() -> dict[Path, list[ast.AST]]:
    """Read when the first test asks, not by every process that only collects the tests."""
    return {path: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for path in FILES}


def size(node: ast.AST) -> int:
    return sum(1 for _ in ast.walk(node))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(SOURCE.parent)}:{node.lineno}"


def all_nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path, nodes in nodes_by_file().items():
        for node in nodes:
            yield path, node


def code_lines() -> int:
    """How many lines of the source hold code."""
    return len({(path, node.lineno) for path, node in all_nodes() if hasattr(node, "lineno")})


def is_doubled(node: ast.AST) -> bool:
    """A comprehension with two ``for``, or with another one inside."""
    if not isinstance(node, COMPREHENSIONS):
        return False
    inside = [other for other in ast.walk(node) if other is not node and isinstance(other, COMPREHENSIONS)]
    return len(node.generators) > 1 or bool(inside)


def test_a_line_holds_few_syntax_nodes():
    assert sum(map(len, nodes_by_file().values())) / code_lines() <= 9.0


def test_no_statement_is_heavy_and_few_are_long():
    sizes = {place(path, node): size(node) for path, node in all_nodes() if isinstance(node, SIMPLE)}
    assert {where: nodes for where, nodes in sizes.items() if nodes > 80} == {}
    in_order = sorted(sizes.values())
    assert in_order[int(0.9 * len(in_order))] <= 24


def test_comprehensions_are_hardly_ever_doubled():
    doubled = [place(path, node) for path, node in all_nodes() if is_doubled(node)]
    assert len(doubled) <= 0.003 * code_lines(), doubled


def test_a_loop_over_one_thing_is_no_assignment():
    single = []
    for path, node in all_nodes():
        if isinstance(node, ast.For | ast.comprehension):
            values = node.iter
            if isinstance(values, ast.Tuple | ast.List) and len(values.elts) == 1:
                single.append(place(path, values))
    assert single == []


@pytest.mark.parametrize("name", sorted(EMPTY_NAMES))
def test_a_local_variable_is_named_for_the_thing(name):
    places = set()
    for path, function in all_nodes():
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            is_local = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
            is_parameter = isinstance(node, ast.arg) and node.arg == name
            if is_local or is_parameter:
                places.add(place(path, node))
    assert places == set()
