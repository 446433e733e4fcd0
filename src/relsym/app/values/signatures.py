"""What a ``_target_`` can be called with.

It is read from its source without running it, or, where that tells too little, from the imported object.
"""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

from hydra.utils import get_object

from relsym.app.values.source_code import Function, ImportedName, Source, Unread, source_of

# Bases that add no parameters.
BARE = {"object", "ABC", "Protocol", "Generic"}
# Decorators of classes that leave the constructor as it is.
HARMLESS = {"final", "needs", "runtime_checkable"}


class Signature(NamedTuple):
    """The parameters of a function or class.

    hints: the type of each; ``Unread`` where its annotation is not understood statically, ``Any`` where it
    has none.
    open: whether it takes further ones, by any name.
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
    # Too deep: a name that leads back to itself, as in a package that imports its own parts.
    except (Unread, RecursionError):
        return None


def imported_signature(target: str) -> Signature | None:
    """The signature of a dotted name, which is imported; None where there is no such thing or it has none."""
    try:
        return _inspected(get_object(target))
    # Whoever calls it says what is wrong with it.
    except (ImportError, AttributeError, ValueError, TypeError):
        return None


# --- from source


def _definition(source: Source, name: str) -> tuple[Source, ast.ClassDef | Function]:
    """The class or function of a name, with the source of the module that defines it."""
    definition = source.names.get(name)
    if isinstance(definition, ImportedName) and definition.attribute is not None:
        return _definition(source_of(definition.module), definition.attribute)
    if isinstance(definition, ast.ClassDef | Function):
        return source, definition
    raise Unread


def _of_function(source: Source, node: Function, skip_first: bool = False) -> Signature:
    """The signature of a function, or of a method without its first parameter (``self``)."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    if skip_first:
        arguments = arguments[1:]
    hints = {}
    for argument in [*arguments, *node.args.kwonlyargs]:
        hints[argument.arg] = _hint(source, argument.annotation)
    return Signature(hints, node.args.kwarg is not None)


def _of_class(source: Source, node: ast.ClassDef) -> Signature | None:
    """The signature of a class's own ``__init__``; None where neither it nor a base has one.

    Where its ``__init__`` passes further keywords on, the parameters of the one that it overrides are added.
    """
    methods = {method.name: method for method in node.body if isinstance(method, Function)}
    decorators = {_name(decorator) for decorator in node.decorator_list}
    # Each of these may change what the class is called with.
    if "__new__" in methods or node.keywords or not decorators <= {"dataclass", *HARMLESS}:
        raise Unread
    constructor = methods.get("__init__")
    if constructor is None:
        if "dataclass" in decorators:
            return Signature(_fields(source, node), False)
        return _of_bases(source, node)
    signature = _of_function(source, constructor, skip_first=True)
    if not signature.open or not _passes_on(constructor):
        return signature
    overridden = _of_bases(source, node)
    if overridden is None:
        return signature
    return Signature(overridden.hints | signature.hints, overridden.open)


def _passes_on(constructor: Function) -> bool:
    """Whether a constructor hands its ``**kwargs`` to the one that it overrides; else they are its own."""
    for call in ast.walk(constructor):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr != "__init__":
            continue
        for keyword in call.keywords:
            # What is unpacked by ** is a keyword without a name.
            if keyword.arg is None and _name(keyword.value) == constructor.args.kwarg.arg:
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
    """The class of a name, with the source of the module that defines it."""
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
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        is_class_variable = "ClassVar" in ast.dump(statement.annotation)
        if not is_class_variable:
            hints[statement.target.id] = _hint(source, statement.annotation)
    return hints


def _hint(source: Source, annotation: ast.expr | None) -> Any:
    """The type that an annotation says: ``Any`` without one, ``Unread`` where it is not understood."""
    if annotation is None:
        return Any
    try:
        return source.evaluate(annotation)
    except (Unread, RecursionError):
        return Unread


def _name(node: ast.expr) -> str:
    """The last word of ``a.dataclass``, ``dataclass(frozen=True)`` or ``Generic[T]``; "" if it has none."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return ""


# --- from the imported object


def _inspected(called: Any) -> Signature:
    """The signature of a function or class.

    A constructor with ``**kwargs`` is taken to pass them on: the parameters of those that it overrides are
    added, up to the first one without.
    """
    if not inspect.isclass(called):
        return _parameters(called, called)
    owners = [owner for owner in called.__mro__ if "__init__" in vars(owner) and owner is not object]
    if not owners:  # a named tuple, say, whose types stand in its __new__
        return _parameters(called, called.__new__ if "__new__" in vars(called) else called)
    hints: dict[str, Any] = {}
    for owner in owners:
        signature = _parameters(owner.__init__, owner.__init__)
        hints = signature.hints | hints
        if not signature.open:
            return Signature(hints, False)
    return Signature(hints, True)


def _parameters(called: Any, annotated: Any) -> Signature:
    """The parameters of one callable that can be passed by name, with their types.

    Args:
        called: what is called.
        annotated: the function that has the annotations.
    """
    try:
        types = get_type_hints(annotated, include_extras=True)
    except Exception:  # a name that exists for type checkers alone, say
        types = {}
    hints = {}
    is_open = False
    for parameter in inspect.signature(called).parameters.values():
        by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if by_name and parameter.name != "self":
            hints[parameter.name] = types.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
    return Signature(hints, is_open)
