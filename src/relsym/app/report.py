"""``relsym report``: finished runs -> one table (terminal, Markdown, JSON) and one figure (PNG) per benchmark."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from relsym.app.entry import guarded, run


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="report")
@guarded
def main(cfg: DictConfig) -> None:
    """Read, print, write."""
    from relsym.app.files import write_atomically
    from relsym.report.collect import read_runs, tables
    from relsym.report.figures import accuracy_figure
    from relsym.report.tables import console, markdown_lines, print_lines

    folder = Path(HydraConfig.get().runtime.output_dir)
    found = tables(read_runs([cfg.runs] if isinstance(cfg.runs, str) else cfg.runs))
    for number, (title, lines) in enumerate(found.items(), start=1):
        print_lines(title, lines, console())
        name = "accuracy.png" if len(found) == 1 else f"accuracy_{number}.png"
        write_atomically(folder / name, lambda path, t=title, rows=lines: accuracy_figure(t, rows, path))
    text = "\n".join(markdown_lines(title, lines) for title, lines in found.items())
    write_atomically(folder / "table.md", lambda path: path.write_text(text, encoding="utf-8"))
    content = json.dumps({title: [asdict(line) for line in lines] for title, lines in found.items()}, indent=2)
    write_atomically(folder / "table.json", lambda path: path.write_text(content + "\n", encoding="utf-8"))
    console().print(f"Written: table.md, table.json and figures in {folder}", soft_wrap=True)


if __name__ == "__main__":
    run(main)
