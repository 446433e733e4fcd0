"""The classes that a stored configuration may name: relsym's own, and those of trusted packages.

What is neither is never imported. An object is made by a plain call of its class, with the values of the
file; Hydra, which would call anything that a file names, has no part in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import msgspec

from relsym.runs.stored_config import ADVICE, StoredComponent, shown_text
from relsym.visible import printable


class Role(NamedTuple):
    """What a place in a configuration may name.

    base: dotted name of the class that it is derived from. Objectives and data import Lightning, which
        takes seconds, and a run that only answers has need of neither.
    room: the package in which relsym's own classes of the role lie.
    functions: whether a function that returns the base will do as well.
    """

    base: str
    room: str
    functions: bool = False


READER = Role("relsym.data.triples.TripleReader", "relsym.data.sources")
# By the place in the file; a component that is an argument of another one has a role of its own.
ROLES = {
    "model": Role("relsym.encoders.encoder.Encoder", "relsym.encoders", functions=True),
    "metric": Role("relsym.metrics.base.Metric", "relsym.metrics"),
    "probe": Role("relsym.probes.base.Probe", "relsym.probes"),
    "objective": Role("relsym.objectives.base.Objective", "relsym.objectives"),
    "data.module": Role("relsym.data.module.PairData", "relsym.data"),
    "data.module.benchmark": Role("relsym.data.benchmark.Benchmark", "relsym.data"),
    "data.module.benchmark.reader": READER,
    "data.module.source": Role("relsym.data.sources.nli.NliSource", "relsym.data.sources"),
    "data.reader": READER,
}


def check_trust(trust: Any) -> None:
    """Refuse a ``trust`` that is no list of packages.

    Raises:
        ValueError: another kind of value, no name of a package, or relsym itself.
    """
    if isinstance(trust, str) or not isinstance(trust, Sequence):
        raise ValueError(f"trust={trust}: expected a list of packages. Pass trust=[PACKAGE].")
    for package in trust:
        if not isinstance(package, str) or not all(name.isidentifier() for name in package.split(".")):
            raise ValueError(f"trust=[{package}]: not the name of a package. Pass trust=[PACKAGE].")
        if _lies_in(package, "relsym"):
            raise ValueError(
                f"trust=[{package}]: relsym's own metrics, probes, objectives and data need no trust, and "
                "its other functions are never taken from a stored configuration. Leave it out."
            )


def is_own(component: StoredComponent) -> bool:
    """Whether a component's name is of the room that has relsym's own ones of its role."""
    return _lies_in(component.target.rpartition(".")[0], ROLES[component.place].room)


def check_named(component: StoredComponent, trust: Sequence[str], file: Path) -> None:
    """Refuse a component whose name is neither of its role's room nor of a trusted package.

    Nothing is imported, so that what the name stands for is not known; see ``find``, also for the arguments.

    Raises:
        ValueError: what to do.
    """
    module = component.target.rpartition(".")[0]
    if not is_own(component) and not any(_lies_in(module, package) for package in trust):
        raise ValueError(_refusal(component, file))


def find(component: StoredComponent, trust: Sequence[str], file: Path) -> Any:
    """The class that a component names; for an encoder it may be a function that loads one.

    Args:
        trust: packages of the user's whose classes count beside relsym's own.
        file: where the component is stored, for messages.

    Raises:
        ValueError: it names none of that role in relsym or in these packages.
    """
    check_named(component, trust, file)
    role, in_room = ROLES[component.place], is_own(component)
    module, _, name = component.target.rpartition(".")
    try:
        target = getattr(import_module(module), name, None)
    except Exception as error:  # whatever a module can end in
        raise ValueError(
            f"{file}: {component.place}._target_: {shown_text(component.target)} cannot be imported "
            f"({printable(str(error))}). Install its package, or the version of relsym that wrote the run."
        ) from error
    if not _plays(target, role, in_room):
        raise ValueError(_refusal(component, file))
    # A module of the room also holds what it imports, which is not the room's own.
    if in_room and not _lies_in(target.__module__, role.room):
        raise ValueError(_refusal(component, file))
    return target


def build_component(component: StoredComponent, trust: Sequence[str], file: Path) -> Any:
    """The object that a component describes, made from its values alone. Args and errors as ``find``.

    Raises:
        ValueError: also where the values do not fit the class.
    """
    kind = find(component, trust, file)
    arguments = dict(component.values)
    for name, part in component.parts.items():
        arguments[name] = build_component(part, trust, file)
    _check_arguments(component, kind, arguments, file)
    try:
        return kind(**arguments)
    except (ValueError, OSError) as error:
        raise ValueError(f"{file}: {component.place}: {printable(str(error), 400)}") from error


def _lies_in(module: str, package: str) -> bool:
    """Whether a module is the package, or below it."""
    return module == package or module.startswith(f"{package}.")


def _plays(target: object, role: Role, in_room: bool) -> bool:
    """Whether something is a class of the role that can be made, or a function where the role has some.

    Args:
        in_room: whether it is relsym's own. Functions of trusted packages need not say what they return,
            since training does not ask that either.
    """
    module, _, name = role.base.rpartition(".")
    base = getattr(import_module(module), name)
    if isinstance(target, type):
        return issubclass(target, base) and not _is_abstract(target)
    if not role.functions or not inspect.isfunction(target):
        return False
    returned = get_type_hints(target).get("return")
    if returned is None:
        return not in_room
    return isinstance(returned, type) and issubclass(returned, base)


def _is_abstract(kind: type) -> bool:
    """Whether a class still lacks a method, so that no object of it should be made."""
    # inspect.isabstract sees that only in classes of ABC.
    for name in dir(kind):
        member = inspect.getattr_static(kind, name, None)
        if getattr(member, "__isabstractmethod__", False):
            return True
    return False


def _refusal(component: StoredComponent, file: Path) -> str:
    """Why a component is not taken, and what to do."""
    role = ROLES[component.place]
    wanted = role.base.rpartition(".")[2]
    package, _, _ = component.target.partition(".")
    own = ""
    if package != "relsym":
        own = f" If it is your own and you trust that package, pass trust=[{package}]."
    return (
        f"{file}: {component.place}._target_: {shown_text(component.target)} is no {wanted} of "
        f"{role.room} or of a package in trust=[...]; a stored configuration calls nothing else.{own} "
        f"Otherwise the file was changed: {ADVICE}"
    )


def _check_arguments(component: StoredComponent, kind: type, arguments: dict[str, Any], file: Path) -> None:
    """Refuse arguments that the class does not have, lacks, or that are of another type than it declares."""
    where = f"{file}: {component.place}"
    try:
        inspect.signature(kind).bind(**arguments)
    except TypeError as error:
        raise ValueError(
            f"{where}: {kind.__name__} cannot be made from what is stored ({printable(str(error))}). {ADVICE}"
        ) from error
    for name, value in arguments.items():
        try:
            declared = _declared(kind).get(name, Any)
            msgspec.convert(value, declared)
        except msgspec.ValidationError as error:
            raise ValueError(f"{where}.{printable(name)}: {printable(str(error))}. {ADVICE}") from error
        except TypeError:  # a type that only the class itself can check
            continue


def _declared(kind: type) -> dict[str, Any]:
    """The types of a class's arguments; of a trusted package they may be unknown at run time."""
    try:
        return get_type_hints(kind.__init__, include_extras=True)
    except NameError:
        return {}
