"""The files of a report: what is in them, and that text stays text in each."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

import relsym
from relsym.report.collect import collect
from relsym.report.figures.readers import accuracy_figure, save_figure
from relsym.report.page.page import script_json
from relsym.report.sections import sections
from relsym.report.tables.cells import Cell, Column, Table, TableRow
from relsym.report.tables.csv_file import csv_text
from relsym.report.tables.formats import latex, latex_text, markdown, markdown_text
from relsym.report.tables.readers import Line
from relsym.report.write import report_files
from runs_of import METRICS, job, write_run, write_sweep

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def report(tmp_path, relsym):
    """A report on runs below tmp_path / "runs", as a function of further arguments."""

    def call(*arguments: str) -> Path:
        ended = relsym(
            "report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'out'}", *arguments
        )
        assert ended.code == 0, ended.err
        return tmp_path / "out"

    return call


def rows_of(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A report on a small sweep and a run in a folder with an odd name; without its figures."""
    folder = tmp_path_factory.mktemp("made")
    sweep(folder / "runs")
    write_run(folder / "runs" / "odd (1) [x]", "knn", 28)
    collected, out = collect([folder / "runs"]), folder / "out"
    for name, writer in report_files(collected, sections(collected), out).items():
        if not name.startswith("figures/"):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            writer(out / name)
    return out


def sweep(folder: Path) -> None:
    jobs = []
    for objective in METRICS:
        for samples in (16, 64):
            jobs.append(job(len(jobs), objective, samples, 0))
            write_run(folder / jobs[-1].folder, objective, samples, wrong=8 if samples == 16 else 0)
    write_sweep(folder, [*jobs, job(len(jobs), "knn", 336, 0, "failed", error="killed & <gone>")])


@pytest.mark.slow
def test_the_command_prints_the_main_tables_and_writes_every_file(tmp_path, relsym):
    sweep(tmp_path / "runs")
    ended = relsym("report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 0, ended.err
    for told in (
        "8 finished runs",
        "1 job without results",
        "killed & <gone>",
        "Samples to 95, 99 and 100 %",
        "Table 2",
        "Table 4",
        "k-NN (hadamard)",
        "report.html, report.md",
        "look-up of templates can score 100 %",
    ):
        assert told in re.sub(r"\s+", " ", ended.out)
    assert max(len(line) for line in ended.out.splitlines() if line.startswith("│")) <= 130
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")} - {
        "report.log"
    }
    tables = (
        "samples_to_solved",
        "samples_by_seed",
        "table2",
        "table4",
        "comparisons",
        "properties",
        "accuracy",
        "runs",
        "missing",
    )
    figures = ("accuracy", "curves", "cost", "properties")
    assert found == {
        "report.html",
        "report.json",
        "report.md",
        "tables/provenance.csv",
        *(f"tables/{name}.{end}" for name in tables for end in ("csv", "tex")),
        *(f"figures/{name}.{end}" for name in figures for end in ("png", "svg")),
    }
    assert all(
        (tmp_path / "out" / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG") for name in figures
    )
    assert all("<svg" in (tmp_path / "out" / f"figures/{name}.svg").read_text() for name in figures)


def test_every_cell_is_traced_to_run_folders_and_hashes(made):
    (cell,) = [
        row
        for row in rows_of(made / "tables" / "provenance.csv")
        if row["table"].startswith("Table 4")
        and row["column"] == "all-MiniLM-L6"
        and row["row"] == "lexicalised, k-NN"
    ]
    assert (cell["value"], cell["value, note"]) == ("100.00", "(64; 1)")
    # What has no model begins with its own name, not with the hyphen that stands for none.
    assert not any(row["row"].startswith(("-", "'")) for row in rows_of(made / "tables" / "provenance.csv"))
    assert cell["runs"] == "../runs/003-knn-samples64-seed0"
    results = json.loads((made / cell["runs"] / "results.json").read_text())
    assert [cell[key] for key in ("configurations", "benchmark", "commits", "relsym")] == [
        results["config_hash"],
        "b" * 64,
        "c" * 40,
        "0.1.0",
    ]
    for row in rows_of(made / "tables" / "runs.csv"):
        assert float(row["lexicalised"]) == (80 if row["samples"] == "16" else 100)


def test_markdown_links_every_run_and_leaves_the_apart_forms_to_the_other_files(made):
    text = (made / "report.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 9
    assert all((made / unquote(link) / "results.json").exists() for link in links)
    assert "killed &amp; &lt;gone&gt;" in text
    assert "Accuracy against forgetting: not measured." in text
    comparisons = text.partition("Differences between objectives")[2].partition("Accuracy in % by property")[
        0
    ]
    assert "| all forms |" in comparisons
    assert "| lexicalised |" not in comparisons
    assert "lexicalised" in (made / "tables" / "comparisons.csv").read_text()


def test_names_from_data_are_shown_as_they_are_in_every_file(tmp_path, report):
    for samples in (16, 64):
        write_run(
            tmp_path / "runs" / str(samples),
            samples=samples,
            model=EVIL,
            kinds={EVIL: "symmetric", "a|b_c": "symmetric", "$x^2": "antisymmetric"},
            **{"benchmark.title": "50 % & #1_{}"},
        )
    out = report()
    page = (out / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert EVIL in {point["property"] for point in json.loads(data)["points"][0]["accuracy"]}
    text = (out / "report.md").read_text()
    assert "<script" not in text
    assert "| a\\|b_c |" in text
    assert r"50 \% \& \#1\_\{\}" in (out / "tables" / "runs.tex").read_text()
    assert r"\$x\textasciicircum{}2" in (out / "tables" / "properties.tex").read_text()
    assert any(row["property"] == "a|b_c" for row in rows_of(out / "tables" / "properties.csv"))
    assert "$x^2" in (out / "figures" / "properties.svg").read_text()


def test_the_page_names_no_address_but_its_own_runs(made):
    page = (made / "report.html").read_text()
    own = re.sub(r"<script>/\*\*.*?</script>", "", page, flags=re.DOTALL)
    assert len(own) < len(page) / 5, "the rest is Plotly"
    assert not re.findall(r"""(?:src|href)=["'](?!#|\.\./|data:,)[^"']*""", own)
    assert not re.findall(r"https?://|@import|url\(", own)
    assert "default-src 'none'" in own


def test_text_cannot_end_a_table_or_a_script_whatever_it_holds():
    assert json.loads(script_json({"a": "</script>&<!--"})) == {"a": "</script>&<!--"}
    assert not set("<>&") & set(script_json(["</script>&<!--"]))
    table = Table(
        "t",
        "a | b",
        (Column("x_1", number=False), Column("100 %")),
        (TableRow((Cell("a|b\nc"), Cell("[x](y) *z* `q` \\"))),),
        ("50 % & more",),
    )
    lines = markdown(table).splitlines()
    assert lines[2:5] == ["| x_1 | 100 % |", "| --- | --- |", "| a\\|b c | [x\\](y) \\*z\\* \\`q\\` \\\\ |"]
    assert list(csv.reader(csv_text(table).splitlines(keepends=True))) == [
        ["x_1", "100 %"],
        ["a|b\nc", "[x](y) *z* `q` \\"],
    ]
    set_in_latex = latex(table)
    assert r"x\_1 & 100 \% \\" in set_in_latex
    assert r"\begin{tabular}{lr}" in set_in_latex
    assert (
        set_in_latex.index(r"\toprule") < set_in_latex.index(r"\midrule") < set_in_latex.index(r"\bottomrule")
    )
    assert (
        latex_text("\\{~^<>±")
        == r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}$\pm$"
    )
    assert markdown_text("50.00 [1.00, 2.00] snake_case _em_") == "50.00 [1.00, 2.00] snake_case \\_em\\_"


def test_a_figure_draws_the_highest_number_of_samples_and_the_same_bytes_each_time(tmp_path):
    lines = [
        Line(f"reader $\\frac {n}", "m", n, ((0, 0),), {"lexicalised": (0.5,)}, {}, "", ()) for n in (16, 64)
    ]
    for name in ("a.svg", "b.svg"):
        save_figure(accuracy_figure("Accuracy in %, x", lines), tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert "n = 64" in text
    assert "n = 16" not in text


def test_nothing_that_a_report_loads_brings_torch():
    package = Path(relsym.__file__).parent
    paths = [
        path.relative_to(package.parent).with_suffix("")
        for path in (package / "report").rglob("*.py")
        if path.stem != "__init__"
    ]
    code = f"import {', '.join('.'.join(path.parts) for path in paths)}, sys; print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert {"relsym.report.page.page", "plotly"} <= loaded
    assert not loaded & {"torch", "pytorch_lightning", "transformers"}


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*", "ignore:.*`srun` command.*"
)
def test_real_runs_are_reported(tmp_path, relsym, report):
    for number, objective in enumerate(("knn", "finetune")):
        ended = relsym(
            "train",
            f"objective={objective}",
            "model=tiny",
            "tracking=csv",
            "training.max_steps=1",
            "data.samples=8",
            "data.test_pairs=8",
            f"hydra.run.dir={tmp_path / 'runs' / str(number)}",
        )
        assert ended.code == 0, ended.err
    out = report()
    assert [row["objective"] for row in rows_of(out / "tables" / "runs.csv")] == [
        "k-NN (hadamard)",
        "fine-tuning",
    ]
    assert len(rows_of(out / "tables" / "comparisons.csv")) == 3


@pytest.mark.parametrize(
    ("forms", "chance"),
    [
        (["mnli"], 100 / 3),
        (["snli"], 100 / 3),
        (["lexicalised", "delexicalised"], 50),
        (["lexicalised, symmetric", "lexicalised, antisymmetric"], 50),
    ],
)
def test_the_dashed_line_is_the_chance_among_the_labels_of_the_rows(forms, chance):
    line = Line("k-NN", "bundled", 64, ((0, 0),), dict.fromkeys(forms, (0.9,)), {}, "knn", ("run",))
    (axes,) = accuracy_figure("Accuracy in %", [line]).axes
    assert chance in [drawn.get_xdata()[0] for drawn in axes.lines if drawn.get_linestyle() == "--"]
