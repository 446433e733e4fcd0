"""``relsym report``: finished runs -> one page (HTML), Markdown, tables (CSV, LaTeX), figures (PNG, SVG)."""

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
    """Read the runs below the input folders, print the main tables and write every file of the report."""
    check_composed(cfg, "report")
    # Imported after the check, so that a misspelt word is refused before matplotlib is loaded.
    from relsym.report.collect import collect
    from relsym.report.folder import write_report
    from relsym.report.one_run.terminal import console
    from relsym.report.sections import sections
    from relsym.report.terminal import print_sections
    from relsym.report.write import report_files

    out = Path(HydraConfig.get().runtime.output_dir)
    inputs = cfg.inputs if isinstance(cfg.inputs, ListConfig) else [cfg.inputs]
    collected = collect([str(folder) for folder in inputs], cfg.strict)
    all_sections = sections(collected)
    print_sections(all_sections, collected, console())
    write_report(report_files(collected, all_sections, out), out, collected.broken)
    message = f"Written to {out}: report.html, report.md, tables/*.csv and *.tex, figures/*.png and *.svg"
    console().print(message, soft_wrap=True)


def main() -> None:
    """Run the task, with ``inputs=A,B`` made a list: Hydra would take the comma for a sweep and refuse it."""
    sys.argv[1:] = [listed(word) for word in sys.argv[1:]]
    task()


def listed(word: str) -> str:
    """``inputs=A,B`` -> ``inputs=['A','B']``; any other word, and what is a list or quoted, as it is."""
    key, _, value = word.partition("=")
    if key != "inputs" or "," not in value or value[0] in "[\"'":
        return word
    quoted = []
    for folder in value.split(","):
        # Backslashes first: those that the quotes get must not be doubled.
        escaped = folder.replace("\\", "\\\\").replace("'", "\\'")
        quoted.append(f"'{escaped}'")  # an empty one too, so that it is refused: a variable was not set
    return f"inputs=[{','.join(quoted)}]"


if __name__ == "__main__":
    run(main)
