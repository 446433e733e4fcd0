"""The names of a module and the types that they stand for, read from its source without running it."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple

# Modules whose types may stand in an annotation that is read statically. They are imported: none of them is
# heavy.
LIGHT = {
    "builtins",
    "typing",
    "typing_extensions",
    "types",
    "collections.abc",
    "pathlib",
    "msgspec",
    "annotated_types",
    "relsym.ranges",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unread(Exception):
    """Static reading does not tell; importing may."""


class ImportedName(NamedTuple):
    """What an imported name stands for: a module, or one of its attributes."""

    module: str
    attribute: str | None


class Source:
    """The names that a module defines or imports, by its source.

    Args:
        name: of the module.
        spec: where it is.

    Raises:
        Unread: it has no Python source.
    """

    def __init__(self, name: str, spec: ModuleSpec) -> None:
        self.name = name
        self.is_package = spec.submodule_search_locations is not None
        try:
            tree = ast.parse(Path(spec.origin or "").read_bytes())
        except (OSError, SyntaxError, ValueError) as error:
            raise Unread from error
        # Values of expressions are names for types: ``Size = int | float``.
        self.names: dict[str, ast.ClassDef | Function | ast.expr | ImportedName] = {}
        self._note(tree.body)

    def value(self, name: str) -> Any:
        """What a name of the module stands for in an annotation.

        Raises:
            Unread: a class or function of its own, or a name from elsewhere that cannot be read.
        """
        definition = self.names.get(name)
        if isinstance(definition, ast.expr):
            return self.evaluate(definition)
        if isinstance(definition, ImportedName):
            return _imported_value(definition)
        if definition is None:
            builtin = getattr(builtins, name, None)
            if isinstance(builtin, type):
                return builtin
        raise Unread

    def evaluate(self, expression: ast.expr) -> Any:
        """The type that an annotation says.

        Raises:
            Unread: it names what cannot be read.
        """
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            try:
                expression = ast.parse(expression.value, mode="eval").body
            except SyntaxError as error:  # words for people
                raise Unread from error
        names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
        values = {name: self.value(name) for name in names}
        try:  # an annotation is an expression of Python's, and these names are all that it sees
            code = compile(ast.Expression(expression), self.name, "eval")
            return eval(code, {"__builtins__": {}}, values)
        except Exception as error:  # whatever an expression can raise
            raise Unread from error

    def _note(self, statements: list[ast.stmt]) -> None:
        """Enter the names that statements bind; a later statement replaces an earlier one, as in Python."""
        for statement in statements:
            match statement:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.names[statement.name] = statement
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.names[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.names[name] = value
                case ast.Import():
                    self._note_import(statement)
                case ast.ImportFrom():
                    self._note_from(statement)
                case ast.If() | ast.Try():  # which branch would run is not known: both count
                    self._note(statement.body)
                    self._note(statement.orelse)

    def _note_import(self, statement: ast.Import) -> None:
        """Enter what ``import a.b`` binds, which is ``a``, or ``import a.b as c``."""
        for alias in statement.names:
            if alias.asname:
                self.names[alias.asname] = ImportedName(alias.name, None)
            else:
                top = alias.name.partition(".")[0]
                self.names[top] = ImportedName(top, None)

    def _note_from(self, statement: ast.ImportFrom) -> None:
        """Enter what ``from a.b import c as d`` or ``from ..b import c`` binds."""
        parts = []
        if statement.level:  # one dot is the package that the module is in, each further one that above
            package = self.name.split(".")
            if not self.is_package:
                package = package[:-1]
            parts += package[: len(package) - statement.level + 1]
        if statement.module:
            parts.append(statement.module)
        module = ".".join(parts)
        for alias in statement.names:
            self.names[alias.asname or alias.name] = ImportedName(module, alias.name)


@lru_cache
def source_of(name: str) -> Source:
    """The source of a module; neither it nor its packages are imported.

    Raises:
        Unread: there is none.
    """
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top) if top else None
        for part in rest:
            spec = _below(spec, part)
    except (ImportError, ValueError) as error:
        raise Unread from error
    if spec is None:
        raise Unread
    return Source(name, spec)


def _below(package: ModuleSpec | None, name: str) -> ModuleSpec | None:
    """Where a module of a package is; None if the package or the module is not there.

    ``importlib.util.find_spec`` would import the package for this.
    """
    if package is None or not package.submodule_search_locations:
        return None
    return PathFinder.find_spec(f"{package.name}.{name}", package.submodule_search_locations)


def _imported_value(imported: ImportedName) -> Any:
    """What an imported name stands for in an annotation; raises ``Unread`` as ``Source.value``."""
    if imported.module in LIGHT:
        module = importlib.import_module(imported.module)
        return module if imported.attribute is None else getattr(module, imported.attribute)
    if imported.attribute is None:
        raise Unread
    return source_of(imported.module).value(imported.attribute)
