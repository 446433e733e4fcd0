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


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list]]:
    """What each cell of code prints, in however many pieces, and what it shows beside."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            printed = "".join(output.get("text", "") for output in cell.outputs)
            results = [output["data"] for output in cell.outputs if "data" in output]
            cells.append((cell.source, printed, results))
    return cells


def test_what_it_showed_is_stored():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert sum(bool(printed or results) for _, printed, results in shown(notebook)) >= 5


@pytest.mark.slow
def test_it_shows_what_stands_in_it(tmp_path):
    assert shown(executed(NOTEBOOK, tmp_path)) == shown(nbformat.read(NOTEBOOK, as_version=4))
