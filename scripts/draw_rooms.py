"""Draw docs/rooms.svg: the rooms of the source, and which of them imports which.

    python scripts/draw_rooms.py [OUT.svg]

A room is a folder of src/relsym. The picture follows from the import statements alone, so it is drawn again
whenever those change; tests/test_architecture.py says when that is due.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from statistics import mean
from textwrap import fill

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "relsym"
PICTURE = ROOT / "docs" / "rooms.svg"
INK, PAPER, LINE = "#1f2933", "#eef3f8", "#7b8794"


def rooms() -> dict[str, list[Path]]:
    """Every room with its Python files, in alphabetical order."""
    folders = sorted(path for path in SOURCE.iterdir() if (path / "__init__.py").exists())
    return {folder.name: sorted(folder.rglob("*.py")) for folder in folders}


def imported_names(path: Path) -> set[str]:
    """What one file imports, anywhere in it: modules, and the names that it takes out of them, all absolute.

    ``from relsym.runs import origin`` gives ``relsym.runs`` and ``relsym.runs.origin``, a module too.

    Raises:
        ValueError: a relative import, which says nothing by itself.
    """
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: relative import. Name the module from relsym on.")
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_rooms(path: Path, rooms: set[str]) -> set[str]:
    """The rooms that one file imports from."""
    imported = set()
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] == "relsym" and len(parts) > 1 and parts[1] in rooms:
            imported.add(parts[1])
    return imported


def imports_between_rooms() -> dict[str, set[str]]:
    """Room -> the other rooms that it imports from."""
    files = rooms()
    edges: dict[str, set[str]] = {}
    for room, paths in files.items():
        needed: set[str] = set()
        for path in paths:
            needed |= imported_rooms(path, set(files))
        edges[room] = needed - {room}
    return edges


def reachable(edges: dict[str, set[str]], room: str) -> set[str]:
    """Every room that is imported by ``room``, directly or through others."""
    reached: set[str] = set()
    waiting = list(edges[room])
    while waiting:
        next_room = waiting.pop()
        if next_room not in reached:
            reached.add(next_room)
            waiting += edges[next_room]
    return reached


def without_shortcuts(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that no way through other rooms replaces (the transitive reduction)."""
    kept: dict[str, set[str]] = {}
    for room, needed in edges.items():
        indirect: set[str] = set()
        for other in needed:
            indirect |= reachable(edges, other)
        kept[room] = needed - indirect
    return kept


def floors(edges: dict[str, set[str]]) -> dict[str, int]:
    """The floor of each room: 0 if it imports from no other, else one above the highest that it imports from.

    Raises:
        ValueError: rooms import from each other in a circle, so that no order of floors exists.
    """
    floor: dict[str, int] = {}
    while len(floor) < len(edges):
        ready = [room for room in edges if room not in floor and edges[room] <= set(floor)]
        if not ready:
            waiting = ", ".join(sorted(set(edges) - set(floor)))
            raise ValueError(f"these rooms import from each other in a circle: {waiting}.")
        for room in ready:
            below = [floor[other] for other in edges[room]]
            floor[room] = max(below, default=-1) + 1
    return floor


def about(room: str) -> str:
    """The first sentence of the docstring of a room's ``__init__.py``."""
    docstring = ast.get_docstring(ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8")))
    return (docstring or "").split(". ")[0].splitlines()[0].rstrip(".")


def described(edges: dict[str, set[str]]) -> str:
    """All arrows as one line of text, which the picture carries so that a test can compare it."""
    return "; ".join(f"{room}: {' '.join(sorted(edges[room])) or '-'}" for room in sorted(edges))


def places(edges: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Centre of each room's box: the floor says how high, rooms of one floor stand side by side."""
    by_floor: dict[int, list[str]] = {}
    for room, floor in sorted(floors(edges).items()):
        by_floor.setdefault(floor, []).append(room)
    centres: dict[str, tuple[float, float]] = {}
    for floor, names in sorted(by_floor.items()):
        # A room stands above those that it imports from, so that few arrows cross.
        wished = {}
        for room in names:
            below = [centres[other][0] for other in edges[room]]
            wished[room] = mean(below) if below else 0.0
        if len(names) == 1:
            centres[names[0]] = (max(-0.5, min(0.5, 2 * wished[names[0]])), float(floor))
            continue
        for number, room in enumerate(sorted(names, key=lambda room: wished[room])):
            centres[room] = (number - (len(names) - 1) / 2, float(floor))
    return centres


def draw(out: Path) -> None:
    """Write the picture. The same imports always give the same bytes."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "relsym"  # else the ids in the file are random
    from matplotlib import pyplot as plt

    edges = imports_between_rooms()
    centres = places(edges)
    top = max(height for _, height in centres.values())
    figure, axes = plt.subplots(figsize=(11, 1.3 * (top + 1)))
    widest = max(abs(x) for x, _ in centres.values()) + 0.4
    axes.set_xlim(-widest, widest)
    axes.set_ylim(-0.5, top + 0.5)
    axes.set_axis_off()
    boxes = {}
    for room, (x, y) in centres.items():
        box = {"boxstyle": "round,pad=0.5", "facecolor": PAPER, "edgecolor": INK}
        text = f"$\\bf{{{room}}}$\n{fill(about(room), 30)}"
        label = axes.text(x, y, text, ha="center", va="center", fontsize=8, color=INK, bbox=box)
        boxes[room] = label.get_bbox_patch()
    figure.canvas.draw()  # the boxes get their sizes, at which the arrows begin and end
    for room, needed in without_shortcuts(edges).items():
        for other in sorted(needed):
            arrow = {"arrowstyle": "-|>", "color": LINE, "patchA": boxes[room], "patchB": boxes[other]}
            axes.annotate("", xy=centres[other], xytext=centres[room], arrowprops=arrow)
    metadata = {"Date": None, "Creator": None, "Description": described(edges)}
    figure.savefig(out, metadata=metadata, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
