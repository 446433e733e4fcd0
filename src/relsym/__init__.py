"""relsym: does a language model know which relations are symmetric?"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from relsym.uncollected import uncollected

if TYPE_CHECKING:
    from relsym.checking.knowledge_check import check_statements
    from relsym.statement_index import StatementIndex
    from relsym.symmetry_model import SymmetryModel

__version__ = "0.1.0"
__all__ = ["StatementIndex", "SymmetryModel", "__version__", "check_statements"]
# Imported when they are asked for: they need torch or polars, and ``import relsym`` takes no time.
_PLACES = {
    "StatementIndex": "relsym.statement_index",
    "SymmetryModel": "relsym.symmetry_model",
    "check_statements": "relsym.checking.knowledge_check",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'relsym' has no attribute {name!r}")
    with uncollected():
        thing = getattr(import_module(_PLACES[name]), name)
    globals()[name] = thing  # nothing is imported twice
    return thing


def __dir__() -> list[str]:
    return __all__
