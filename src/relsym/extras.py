"""Packages that relsym works without: how they are installed, and what says that it needs one.

    @needs("recipe=lora", "peft", install_line("lora"))
    class Lora(Remedy): ...

Whatever a configuration names can say so. A command looks for the packages before it reads rows or loads a
model, and the component again when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

Thing = TypeVar("Thing", bound=Callable[..., Any])
# The attribute in which a component keeps what it needs.
NEEDS = "__needs__"


class Need(NamedTuple):
    """A package that a component needs.

    asked: the option that asks for it, in the words of the command line.
    module: what is imported.
    package: what pip calls it.
    line: the command that installs it.
    argument: the component needs it only if this argument is set; None: always.
    """

    asked: str
    module: str
    package: str
    line: str
    argument: str | None = None

    def refuse_if_missing(self, arguments: Mapping[str, Any] | None = None) -> None:
        """Refuse what cannot work without the package.

        Args:
            arguments: of the component, by name; None: those that need the package are set.

        Raises:
            ImportError: the package is not installed; with the command that installs it.
        """
        is_asked = self.argument is None or arguments is None or bool(arguments.get(self.argument))
        if is_asked and find_spec(self.module) is None:
            raise ImportError(f"{self.asked} needs the package {self.package}: {self.line}")


def install_line(*extras: str) -> str:
    """The command that installs relsym with these extras.

    relsym is on no package index: it is installed from the folder of its source.
    """
    return f'pip install ".[{",".join(extras)}]" in the folder of relsym\'s source'


def needs(
    asked: str, module: str, line: str, package: str | None = None, argument: str | None = None
) -> Callable[[Thing], Thing]:
    """Say of a class or function that a configuration names that it needs a package.

    Args:
        asked, module, line, argument: see ``Need``.
        package: what pip calls it; None: as the module.
    """
    need = Need(asked, module, package or module, line, argument)

    def mark(thing: Thing) -> Thing:
        # A new tuple: what a base needs must not grow with what its subclass does.
        setattr(thing, NEEDS, (need, *getattr(thing, NEEDS, ())))
        return thing

    return mark


def refuse_missing_packages(thing: Any, arguments: Mapping[str, Any] | None = None) -> None:
    """Refuse a component that needs a package that is not installed.

    Raises:
        ImportError: see ``Need.refuse_if_missing``.
    """
    for need in getattr(thing, NEEDS, ()):
        need.refuse_if_missing(arguments)
