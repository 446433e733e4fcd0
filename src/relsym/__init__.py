"""relsym: does a language model know which relations are symmetric?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relsym.symmetry_model import SymmetryModel

__version__ = "0.1.0"
__all__ = ["SymmetryModel", "__version__"]


def __getattr__(name: str) -> Any:
    """Import ``SymmetryModel`` when it is asked for: it needs torch, and ``import relsym`` takes no time."""
    if name == "SymmetryModel":
        from relsym.symmetry_model import SymmetryModel

        return SymmetryModel
    raise AttributeError(f"module 'relsym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
