"""``relsym report``: finished runs -> tables and figures as one page (HTML), Markdown, CSV, LaTeX, PNG and
SVG.
"""

from __future__ import annotations

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig

from relsym.app.entry import guarded, run
from relsym.app.values.checks import check_composed


@hydra.main(version_base="1.3", config_path="pkg://relsym.conf", config_name="report")
@guarded
def task(cfg: DictConfig) -> None:
    """Read, print, write."""
    check_composed(cfg, "report")
    from relsym.report.collect import collect
    from relsym.report.one_run.terminal import console
    from relsym.report.sections import sections
    from relsym.report.terminal import print_sections
    from relsym.report.write import report_files
    from relsym.runs.files import write_atomically

    out = Path(HydraConfig.get().runtime.output_dir)
    collected = collect(
        [str(folder) for folder in (cfg.inputs if isinstance(cfg.inputs, ListConfig) else [cfg.inputs])]
    )
    found = sections(collected)
    print_sections(found, collected, console())
    for name, writer in report_files(collected, found, out).items():
        (out / name).parent.mkdir(exist_ok=True)
        write_atomically(out / name, writer)
    console().print(
        f"Written to {out}: report.html, report.md, tables/*.csv and *.tex, figures/*.png and *.svg",
        soft_wrap=True,
    )


def main() -> None:
    """Hydra refuses ``inputs=A,B`` outside a sweep, so it is made a list first."""
    sys.argv[1:] = [listed(word) for word in sys.argv[1:]]
    task()


def listed(word: str) -> str:
    """``inputs=A,B`` -> ``inputs=['A','B']``; any other word as it is."""
    key, _, value = word.partition("=")
    if key != "inputs" or "," not in value or value[0] in "[\"'":
        return word
    folders = (
        "'" + folder.replace("\\", "\\\\").replace("'", "\\'") + "'" for folder in value.split(",") if folder
    )
    return f"inputs=[{','.join(folders)}]"


if __name__ == "__main__":
    run(main)
