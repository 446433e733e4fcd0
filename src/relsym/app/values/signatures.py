"""What a ``_target_`` can be called with: read from its source without running it, or, where that tells too
little, imported.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from hydra.utils import get_object

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
# Bases that add no parameters.
BARE = {"object", "ABC", "Protocol", "Generic"}
# Decorators of classes that leave the constructor as it is.
HARMLESS = {"final", "runtime_checkable"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unread(Exception):
    """Static reading does not tell; importing may."""


class Signature(NamedTuple):
    """The parameters of a function or class.

    hints: the type of each; ``Unread`` where its annotation is not understood statically, ``Any`` where it
    has none. open: whether it takes further ones, by any name.
    """

    hints: dict[str, Any]
    open: bool


@lru_cache
def read_signature(target: str) -> Signature | None:
    """The signature of a dotted name by its source alone; None where the source does not tell."""
    module, _, name = target.rpartition(".")
    try:
        owner, node = _definition(source_of(module), name)
        if isinstance(node, ast.ClassDef):
            return _of_class(owner, node) or Signature({}, False)
        return _of_function(owner, node)
    except (
        Unread,
        RecursionError,
    ):  # a name that leads back to itself, as in a package that imports its own parts
        return None


def imported_signature(target: str) -> Signature | None:
    """The signature of a dotted name, which is imported; None where there is no such thing or it has none."""
    try:
        return _inspected(get_object(target))
    except (
        ImportError,
        AttributeError,
        ValueError,
        TypeError,
    ):  # whoever calls it says what is wrong with it
        return None


class Source:
    """The names that a module defines or imports, by its source.

    Args:
        name: of the module.  spec: where it is.

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
        self.names: dict[str, ast.ClassDef | Function | ast.expr | tuple[str, str | None]] = {}
        self._take(tree.body)

    def value(self, name: str) -> Any:
        """What a name of the module stands for in an annotation.

        Raises:
            Unread: a class or function of its own, or a name from elsewhere that cannot be read.
        """
        found = self.names.get(name)
        if isinstance(found, ast.expr):
            return self.evaluate(found)
        if isinstance(found, tuple):
            module, attribute = found
            if module in LIGHT:
                imported = importlib.import_module(module)
                return imported if attribute is None else getattr(imported, attribute)
            if attribute is not None:
                return source_of(module).value(attribute)
        if found is None and isinstance(getattr(builtins, name, None), type):
            return getattr(builtins, name)
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
            return eval(compile(ast.Expression(expression), self.name, "eval"), {"__builtins__": {}}, values)
        except Exception as error:  # whatever an expression can raise
            raise Unread from error

    def _take(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.names[statement.name] = statement
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.names[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.names[name] = value
                case ast.Import():
                    self._take_import(statement)
                case ast.ImportFrom():
                    self._take_from(statement)
                case ast.If() | ast.Try():
                    self._take(statement.body)
                    self._take(statement.orelse)

    def _take_import(self, statement: ast.Import) -> None:
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            self.names[alias.asname or top] = (alias.name if alias.asname else top, None)

    def _take_from(self, statement: ast.ImportFrom) -> None:
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        base = package[: len(package) - statement.level + 1] if statement.level else []
        module = ".".join([*base, *([statement.module] if statement.module else [])])
        for alias in statement.names:
            self.names[alias.asname or alias.name] = (module, alias.name)


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
            locations = spec and spec.submodule_search_locations
            spec = PathFinder.find_spec(f"{spec.name}.{part}", locations) if locations else None
    except (ImportError, ValueError) as error:
        raise Unread from error
    if spec is None:
        raise Unread
    return Source(name, spec)


def _definition(source: Source, name: str) -> tuple[Source, ast.ClassDef | Function]:
    """The class or function of a name, in whichever module defines it."""
    found = source.names.get(name)
    if isinstance(found, tuple) and found[1] is not None:
        return _definition(source_of(found[0]), found[1])
    if isinstance(found, ast.ClassDef | Function):
        return source, found
    raise Unread


def _of_function(source: Source, node: Function, skip_first: bool = False) -> Signature:
    arguments = [*node.args.posonlyargs, *node.args.args][int(skip_first) :]
    hints = {
        argument.arg: _hint(source, argument.annotation) for argument in (*arguments, *node.args.kwonlyargs)
    }
    return Signature(hints, node.args.kwarg is not None)


def _of_class(source: Source, node: ast.ClassDef) -> Signature | None:
    """The signature of a class: of its own ``__init__`` and, where that passes keywords on, of the one it
    overrides.

    None where neither it nor a base has one.
    """
    own = {method.name: method for method in node.body if isinstance(method, Function)}
    decorators = {_name(decorator) for decorator in node.decorator_list}
    if "__new__" in own or node.keywords or not decorators <= {"dataclass", *HARMLESS}:
        raise Unread
    if "dataclass" in decorators and "__init__" not in own:
        return Signature(_fields(source, node), False)
    if "__init__" not in own:
        return _of_bases(source, node)
    signature = _of_function(source, own["__init__"], skip_first=True)
    overridden = _of_bases(source, node) if signature.open and _passes_on(own["__init__"]) else None
    if overridden is None:
        return signature
    return Signature(overridden.hints | signature.hints, overridden.open)


def _passes_on(constructor: Function) -> bool:
    """Whether the further keywords of a constructor go to the one that it overrides; else they
    are its own.
    """
    for call in ast.walk(constructor):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "__init__"
        ):
            unpacked = [word.value for word in call.keywords if word.arg is None]
            if any(_name(value) == constructor.args.kwarg.arg for value in unpacked):
                return True
    return False


def _of_bases(source: Source, node: ast.ClassDef) -> Signature | None:
    """The signature of the first base that has one."""
    for base in node.bases:
        if _name(base) in BARE:
            continue
        if not isinstance(base, ast.Name):
            raise Unread
        signature = _of_class(*_class(source, base.id))
        if signature is not None:
            return signature
    return None


def _class(source: Source, name: str) -> tuple[Source, ast.ClassDef]:
    owner, node = _definition(source, name)
    if not isinstance(node, ast.ClassDef):
        raise Unread
    return owner, node


def _fields(source: Source, node: ast.ClassDef) -> dict[str, Any]:
    """The fields of a dataclass, those that it inherits first."""
    hints: dict[str, Any] = {}
    for base in node.bases:
        if _name(base) not in BARE:
            hints |= _fields(*_class(source, _name(base)))
    for field in node.body:
        match field:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if "ClassVar" not in ast.dump(
                annotation
            ):
                hints[name] = _hint(source, annotation)
    return hints


def _hint(source: Source, annotation: ast.expr | None) -> Any:
    if annotation is None:
        return Any
    try:
        return source.evaluate(annotation)
    except (Unread, RecursionError):
        return Unread


def _name(node: ast.expr) -> str:
    """The last word of ``dataclass``, ``dataclasses.dataclass``, ``dataclass(frozen=True)`` or
    ``Generic[T]``.
    """
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _inspected(called: Any) -> Signature:
    """The signature of an object; constructors that pass keywords on add those of the constructor they
    override.
    """
    if not inspect.isclass(called):
        return _parameters(called, called)
    owners = [owner for owner in called.__mro__ if "__init__" in vars(owner) and owner is not object]
    if not owners:  # a named tuple, say
        return _parameters(called, called.__new__ if "__new__" in vars(called) else called)
    hints: dict[str, Any] = {}
    for owner in owners:
        signature = _parameters(owner.__init__, owner.__init__)
        hints = signature.hints | hints
        if not signature.open:
            return Signature(hints, False)
    return Signature(hints, True)


def _parameters(called: Any, annotated: Any) -> Signature:
    try:
        hints = get_type_hints(annotated, include_extras=True)
    except Exception:  # a name that exists for type checkers alone, say
        hints = {}
    parameters = inspect.signature(called).parameters.values()
    taken = {}
    for parameter in parameters:
        by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if by_name and parameter.name != "self":
            taken[parameter.name] = hints.get(parameter.name, Any)
    return Signature(taken, any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters))
