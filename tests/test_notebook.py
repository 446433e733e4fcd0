"""The notebook in docs/ runs, and shows what stands in it."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from run_notebook import NOTEBOOK, executed  # noqa: E402 (a script, not a package)

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:(jupyter|zmq|nbclient|ipykernel).*", "ignore:.*Proactor.*"
)


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, list]]:
    """What each cell of code shows."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = [output.get("text") or output.get("data") for output in cell.outputs]
            cells.append((cell.source, outputs))
    return cells


def test_what_it_showed_is_stored():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert sum(bool(outputs) for _, outputs in shown(notebook)) >= 5


@pytest.mark.slow
def test_it_shows_what_stands_in_it(tmp_path):
    assert shown(executed(NOTEBOOK, tmp_path)) == shown(nbformat.read(NOTEBOOK, as_version=4))
