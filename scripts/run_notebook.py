"""Run the notebook in docs/ and store what it shows: python scripts/run_notebook.py

A notebook that fails is left as it was.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "docs" / "use_it.ipynb"
LIMIT_S = 300


def executed(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs that its cells have now.

    Args:
        path: of the notebook.
        folder: to run it in.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=LIMIT_S, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Warnings name places of the machine.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def main() -> None:
    """Run it where it lies, and write it again."""
    notebook = executed(NOTEBOOK, NOTEBOOK.parent)
    notebook.metadata.pop("language_info", None)  # names the version of Python
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    main()
