"""Names that try to be more than names, through every output of a report."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from matplotlib.text import Text

import evaluations_of
import runs_of
from evaluations_of import write_evaluation
from relsym.report.collect import collect
from relsym.report.one_run.figure import Bars, properties_figure
from relsym.report.sections import sections
from relsym.report.tables.cells import Cell, Column, Table, TableRow, missing, text_columns
from relsym.report.tables.csv_file import csv_text
from relsym.report.tables.formats import latex, markdown, markdown_text
from relsym.report.terminal import print_sections
from relsym.report.write import report_files
from relsym.visible import UNSAFE
from relsym.visible_console import VisibleConsole
from runs_of import job, write_run, write_sweep

SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
NAMES = [
    SCRIPT,
    "=HYPERLINK(A1)",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r\n=1",
    "\uff1d1+1",
    " =1;=2",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp\u2066.exe\u200f",
    "line\u2028end \x85 \x00",
    "\\input{x} & % $ # _ {} ~ ^ `` --",
    "[red]m[/red] [link=http://x.example]y[/link] :smile:",
    "![i](http://x.example) [x]: http://x.example www.x.example |",
    "$\\frac{ $x^{",
    "__proto__",
    "ירושלים 日本語 🎉",
]
# A form may be called anything too, but for a slash.
FORM = "=form $x^{ \x1b[2J \u202e_"
# What of a name is to be found in every output, with escapes in place of what is not for showing.
KEPT = "ירושלים 日本語 🎉"
FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
# What a report in Markdown is made of: a heading, paragraphs and tables.
BLOCKS = {"inline"} | {
    f"{block}_{end}"
    for block in ("heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td")
    for end in ("open", "close")
}
FIGURE = re.compile(r"-?\d+(\.\d+)?")

pytestmark = pytest.mark.filterwarnings(
    "ignore:Glyph .* missing from font", "ignore:constrained_layout not applied"
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> dict[str, str]:
    """Every file of a report on such names by its path, and what the terminal shows as "terminal"."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (runs_of, evaluations_of):
            patch.setattr(module, "FORMS", ("lexicalised", FORM))
        folder = tmp_path_factory.mktemp("hostile")
        write_everything(folder / "runs")
        collected, out = collect([folder / "runs"]), folder / "out"
        all_sections = sections(collected)
        texts = {}
        for name, writer in report_files(collected, all_sections, out).items():
            if name.endswith(".png"):  # drawn as the SVG beside it
                continue
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            writer(out / name)
            # As bytes: with a change of line ends, carriage returns would not be seen.
            texts[name] = (out / name).read_bytes().decode("utf-8")
        stream = io.StringIO()
        print_sections(all_sections, collected, VisibleConsole(file=stream, width=400))
    return texts | {"terminal": stream.getvalue()}


def write_everything(runs: Path) -> None:
    """Trainings and evaluations in which every name has every part, in folders of odd names."""
    kinds = {name: ("symmetric", "antisymmetric")[place % 2] for place, name in enumerate(NAMES)}
    thirds = zip(NAMES[:6], NAMES[6:12], NAMES[12:], strict=True)
    for place, (first, second, third) in enumerate(thirds):
        folder = first.replace("/", "")
        for samples in (16, 64):
            changes = {"objective.label": second, "git_commit": third, "precision": first}
            write_run(
                runs / f"{samples} {folder}",
                "knn",
                samples,
                model=third,
                kinds=kinds,
                version=second,
                **changes,
            )
        if place < 3:
            readings = {f"first {first}": 20, second: 30}
            write_evaluation(runs / f"evaluation {place}", first, readings, kind=third)
    changes = {"benchmark.title": SCRIPT + NAMES[9], "benchmark.rows_hash": "f" * 64}
    other = write_run(runs / "other", **changes)
    other.rename(runs / os.fsdecode(b"not utf-8 \xff"))
    entries = [job(place, "knn", 336, place, "failed", error=name) for place, name in enumerate(NAMES)]
    write_sweep(runs, entries, name=NAMES[1])


def shown_texts(outputs: dict[str, str]) -> dict[str, str]:
    """The outputs, of the page what relsym writes of it: not Plotly."""
    page = re.sub(r"<script>/\*\*.*?</script>", "", outputs["report.html"], flags=re.DOTALL)
    return outputs | {"report.html": page}


def test_no_output_holds_a_character_that_is_not_for_showing(outputs):
    for name, text in shown_texts(outputs).items():
        # Tabs and line ends are part of the files, and a cell of CSV may hold them.
        assert not set(UNSAFE.findall(text)) - {"\n", "\t"}, name
    script = re.search(r'id="data">(.*?)</script>', outputs["report.html"], re.DOTALL)[1]
    unescaped = json.dumps(json.loads(script), ensure_ascii=False)
    assert not set(UNSAFE.findall(unescaped)) - {"\n", "\t"}
    for name in ("terminal", "report.md", "tables/runs.csv", "tables/runs.tex", "figures/properties.svg"):
        assert KEPT in outputs[name], name
    assert r"\x1b]0;title\x07\x1b[2J" in outputs["terminal"]
    assert "[red]m[/red] [link=http://x.example]y[/link] :smile:" in outputs["terminal"]


def test_no_cell_of_csv_begins_like_a_formula_and_figures_stay_figures(outputs):
    paths = [name for name in outputs if name.endswith(".csv")]
    assert len(paths) > 10
    for path in paths:
        for row in csv.reader(io.StringIO(outputs[path], newline="")):
            for cell in row:
                assert not FORMULA.match(cell) or FIGURE.fullmatch(cell), (path, cell)
                assert cell not in ("-", "nan"), path
        # A formula behind a sign at which a spreadsheet in another language splits stands in quotes.
        assert re.fullmatch(r"[\d,.\n-]*", re.sub(r'"(""|[^"])*"', "", outputs[path])), path
    runs = list(csv.DictReader(io.StringIO(outputs["tables/runs.csv"], newline="")))
    shown = {
        row["property"] for row in csv.DictReader(io.StringIO(outputs["tables/properties.csv"], newline=""))
    }
    assert {"'=HYPERLINK(A1)", "'+1+1", "'-2+3", "'\t=1+1", "'\uff1d1+1", "__proto__"} <= shown
    assert {float(row["lexicalised"]) for row in runs} == {75, 100}


def test_no_name_becomes_an_element_or_an_attribute_of_the_page(outputs):
    elements = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            names = sorted(name for name, _ in attributes if name.startswith("on") or name == "src")
            elements.add((tag, *names))

    Reader().feed(shown_texts(outputs)["report.html"])
    assert not {element for element in elements if len(element) > 1 or element[0] in ("img", "iframe")}
    assert outputs["report.html"].count("<script") == 3 + outputs["report.html"].count("<\\script")


def test_no_name_is_markup_in_markdown(outputs):
    text = outputs["report.md"]
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert {block.type for block in blocks} <= BLOCKS
    pieces = [piece for block in blocks for piece in block.children or ()]
    assert {piece.type for piece in pieces} == {"text", "link_open", "link_close"}
    addresses = [piece.attrs["href"] for piece in pieces if piece.type == "link_open"]
    assert len(addresses) == 6 * 2 + 3 + 1
    assert all(address.startswith("../runs/") for address in addresses)
    assert not re.search(r"https?://|\bwww\.|\$|~~", text.replace(r"\$", "").replace(r"\~", ""))
    assert markdown_text("a@b.com @ 1: :tada: 12:30") == r"a\@b.com @ 1: \:tada: 12:30"
    assert markdown_text("[a]: b ~~c~~ $d$ http://e www.f") == r"[a\]: b \~\~c\~\~ \$d\$ http\://e www\.f"


def test_no_name_is_a_command_in_latex(outputs):
    text = outputs["tables/runs.tex"]
    assert "\\input" not in text
    assert r"\textbackslash{}input\{x\} \& \% \$ \# \_ \{\} \textasciitilde{} \textasciicircum{}" in text
    for path, content in outputs.items():
        if path.endswith(".tex"):
            # A bracket or star behind \\ or a rule would be its argument.
            assert not re.search(r"(\\\\|rule)\s*[\[*]", content), path
            plain = content.replace(r"\{", "").replace(r"\}", "")
            assert plain.count("{") == plain.count("}"), path


def test_every_figure_is_drawn_with_its_names(outputs):
    figures = [name for name in outputs if name.endswith(".svg")]
    assert {"figures/curves.svg", "figures/properties.svg"} <= set(figures)
    for name in figures:
        ElementTree.fromstring(outputs[name])
    assert "$\\frac{ $x^{" in outputs["figures/properties.svg"]
    # Matplotlib leaves out of a legend what begins with an underscore.
    assert "__proto__" in outputs["figures/curves.svg"]


def test_a_missing_figure_is_an_empty_cell_and_a_number_has_no_quotes():
    columns = (Column("name", number=False), Column("=a"), Column("b"))
    rows = (
        TableRow((Cell("-3"), Cell("-0.30", -0.003), Cell("+1.50", 0.015))),
        TableRow((Cell("-0.3 to 0.2"), missing("-"), missing())),
        TableRow((Cell("-"), Cell("> 336", 1e9, muted=True), Cell("-0.30 ± 0.10", -0.003))),
        TableRow((Cell('a;"b'), Cell("0.5"), Cell("1e-05"))),
    )
    assert csv_text(Table("t", "t", columns, rows)).splitlines() == [
        '"name","\'=a","b"',
        '"-3",-0.30,1.50',
        '"\'-0.3 to 0.2",,',
        '"\'-","> 336","\'-0.30 ± 0.10"',  # a name may be a hyphen
        '"a;""b",0.5,1e-05',
    ]


def test_what_stands_behind_a_number_that_may_be_negative_has_a_column_of_its_own():
    columns = (Column("name", number=False), Column("drop", followed=True))
    texts = ("-0.30 ± 0.10", "-1.25 [-2.50, 0.00] †", "+3.00", "none yet")
    rows = [TableRow((Cell(f"r{place}"), Cell(text))) for place, text in enumerate(texts)]
    rows.append(TableRow((Cell("r4"), missing("-"))))
    assert csv_text(Table("t", "t", columns, tuple(rows))).splitlines() == [
        '"name","drop","drop, note"',
        '"r0",-0.30,"± 0.10"',
        '"r1",-1.25,"[-2.50, 0.00] †"',
        '"r2",3.00,',
        '"r3","none yet",',
        '"r4",,',
    ]


def test_a_row_that_begins_with_a_bracket_is_no_argument_of_the_line_before():
    table = Table(
        "t", "t", (Column("[h]", number=False),), (TableRow((Cell("[r]"),)), TableRow((Cell(" \t*"),)))
    )
    assert [line for line in latex(table).splitlines() if line.startswith("{}")] == [
        r"{}[h] \\",
        r"{}[r] \\",
        r"{}  * \\",
    ]
    assert "| [r] |" in markdown(table)


def test_brackets_stay_in_the_text_of_a_link():
    cells = (Cell("run[1]", href="a"), Cell("\\]", href="b"), Cell("[c][d]", href="c"))
    table = Table("t", "t", text_columns("x", "y", "z"), (TableRow(cells),))
    assert r"| [run\[1\]](a) | [\\\]](b) | [\[c\]\[d\]](c) |" in markdown(table)


def test_a_trackers_figure_of_one_run_is_drawn_with_such_names():
    values = dict.fromkeys(NAMES, 0.5)
    bars = Bars(form=FORM, shortcut="$\\frac{", model=values, low=values, high=values, beside=values)
    figure = properties_figure("$x^{ \x1b", [bars, bars])
    figure.canvas.draw()
    texts = {text.get_text() for text in figure.findobj(Text)}
    assert {r"$x^{ \x1b", "best shortcut: $\\frac{", " __proto__"} <= texts
    assert not {text for text in texts if UNSAFE.search(text)}
