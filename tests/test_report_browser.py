"""The report's page in a headless Chromium: it draws, filters, sorts, and lets no text become
anything else.
"""

from __future__ import annotations

import pytest

from chromium import Browser, chromium
from evaluations_of import write_evaluation
from relsym.report.collect import collect
from relsym.report.page.page import page
from relsym.report.sections import sections
from relsym.report.write import missing_of
from relsym.runs.results import read_results
from runs_of import METRICS, change, job, write_run, write_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no chromium on the path, and RELSYM_CHROMIUM names none"),
]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)><b>x</b>"
ACCURACY = "document.querySelector('[data-figure=accuracy]')"
KINDS = {"P1382": "symmetric", "P131": "antisymmetric", EVIL: "antisymmetric"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """The page of a sweep with two encoders, one of them and a property with names that are markup."""
    folder, jobs = tmp_path_factory.mktemp("report"), []
    for model in ("bundled", EVIL):
        for objective in METRICS:
            for samples in (16, 28, 64):
                for seed in (0, 1):
                    jobs.append(job(len(jobs), objective, samples, seed))
                    write_run(
                        folder / jobs[-1].folder,
                        objective,
                        samples,
                        seed,
                        wrong=max(0, 30 - samples + 3 * seed),
                        model=model,
                        kinds=KINDS,
                    )
    other = write_run(
        folder / "other",
        "knn",
        64,
        job_hash=None,
        **{"benchmark.title": "another", "benchmark.content_hash": "e" * 64},
    )
    change(other, metrics={**read_results(other / "results.json").metrics, "forgetting/drop": 0.05})
    write_sweep(folder, [*jobs, job(len(jobs), "knn", 336, 0, "failed", error=EVIL)])
    for name in ("alpha", EVIL):
        write_evaluation(
            folder / f"evaluation {len(name)}", name, {"strict": 12, "two_way": 20 + len(name) // 5}
        )
    collected = collect([folder])
    text = page(sections(collected), missing_of(collected), collected, folder / "out")
    (folder / "report.html").write_text(text, encoding="utf-8")
    with Browser(chromium()) as opened:
        opened.look()
        opened.open(folder / "report.html")
        yield opened


@pytest.fixture(autouse=True)
def _as_it_opens(browser):
    """Every test finds all filters open, and leaves no error, request or dialog behind."""
    browser.look()
    browser.run("document.querySelector('#filters button').click()")
    browser.settle()
    yield
    browser.settle()
    assert browser.console == []
    assert browser.dialogs == []
    assert {address.partition(":")[0] for address in browser.requests} <= {"file", "data", "blob"}
    assert len([address for address in browser.requests if address.startswith("file:")]) == 1, (
        "the page itself"
    )


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(
        f"(() => {{ const select = document.querySelector('select[name={name}]'); select.value = {value!r};"
        "select.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    browser.settle()


def cells(browser: Browser, table: str, column: int) -> list[str]:
    """The texts of a column in the rows that are shown."""
    return browser.run(
        f"[...document.querySelectorAll('#{table} tbody tr')].filter(row => row.offsetParent).map(row => "
        f"row.cells[{column}].innerText)"
    )


def curves(browser: Browser, figure: str = "accuracy") -> list[str]:
    """Names in the legend of a figure of the benchmark that is shown."""
    return browser.run(
        f"document.querySelector('article:not([hidden]) [data-figure={figure}]').data.filter(trace => "
        "trace.showlegend).map(trace => trace.name)"
    )


def test_every_figure_is_drawn_and_offers_nothing_that_leaves_the_page(browser):
    drawn = browser.run(
        "[...document.querySelectorAll('article:not([hidden]) .figure')].map(place => [place.dataset.figure, "
        "place.querySelectorAll('svg.main-svg').length > 0])"
    )
    assert drawn == [["accuracy", True], ["heat", True], ["cost", True]]
    assert browser.run("document.querySelectorAll('[data-figure=heat]')[0].children.length") == 8
    titles = browser.run("[...document.querySelectorAll('.modebar-btn')].map(button => button.dataset.title)")
    assert "Download plot as a PNG" in titles
    assert not [title for title in titles if "hare" in title or "loud" in title]
    assert browser.run("document.body.innerText").count("Not measured: no run has a drop") == 1


def test_evaluated_models_are_drawn_with_every_reading_and_their_calibration(browser):
    choose(browser, "section", "2")
    drawn = browser.run(
        "[...document.querySelectorAll('article:not([hidden]) .figure')].map(place => [place.dataset.figure, "
        "place.querySelectorAll('svg.main-svg').length > 0])"
    )
    assert drawn == [["models", True], ["reliability", True]]
    assert curves(browser, "models") == ["lexicalised", "delexicalised"]
    assert len(curves(browser, "reliability")) == 2
    assert {"strict", "two_way"} <= set(cells(browser, "models-2", 2))
    choose(browser, "model", "alpha")
    assert set(cells(browser, "beyond_accuracy-2", 0)) == {"alpha"}
    assert len(curves(browser, "reliability")) == 1


def test_a_figure_shows_its_values_where_the_pointer_is_and_zooms(browser):
    point = browser.run(
        "(() => { const place = document.querySelector('[data-figure=accuracy]'); place.scrollIntoView();"
        "const box = place.querySelector('.scatterlayer .trace:nth-of-type(2) "
        ".point').getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=point[0], y=point[1])
    assert browser.wait(f"{ACCURACY}.querySelector('.hoverlayer').textContent")
    told = browser.run(f"{ACCURACY}.querySelector('.hoverlayer').textContent")
    assert "16 samples: " in told
    assert "2 seeds, " in told
    full = browser.run(f"{ACCURACY}._fullLayout.xaxis.range")
    box = browser.run(
        "(box => [box.x, box.y, box.width, "
        f"box.height])({ACCURACY}.querySelector('.nsewdrag').getBoundingClientRect())"
    )
    for kind, part in (
        ("mousePressed", 0.3),
        ("mouseMoved", 0.5),
        ("mouseMoved", 0.7),
        ("mouseReleased", 0.7),
    ):
        x, y = box[0] + part * box[2], box[1] + part * box[3]
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    browser.settle()
    zoomed = browser.run(f"{ACCURACY}._fullLayout.xaxis.range")
    assert full[0] < zoomed[0] < zoomed[1] < full[1]


def test_filters_change_tables_and_figures(browser):
    everything = cells(browser, "samples_to_solved-0", 0)
    assert len(everything) == 8
    choose(browser, "objective", "k-NN (hadamard)")
    assert set(cells(browser, "samples_to_solved-0", 0)) == {"k-NN (hadamard)"}
    assert set(cells(browser, "runs", 1)) == {"k-NN (hadamard)"}
    assert len(curves(browser)) == 3, "two encoders and the best shortcut"
    assert all(
        "k-NN (hadamard)" in pair
        for pair in zip(cells(browser, "comparisons-0", 0), cells(browser, "comparisons-0", 1), strict=True)
    )
    choose(browser, "model", "bundled")
    assert cells(browser, "samples_to_solved-0", 1) == ["bundled"]
    assert browser.run("document.querySelector('#samples_to_solved-0 .count').textContent") == "1 of 8 rows"
    heads = browser.run(
        "[...document.querySelectorAll('#table4-0 th')].filter(head => head.offsetParent).map(head => "
        "head.innerText.split('\\u2009')[0].trim())"
    )
    assert [head for head in heads if "MiniLM" in head] == ["all-MiniLM-L6"], "model=bundled is all-MiniLM-L6"
    assert curves(browser)[:1] == ["k-NN (hadamard), bundled"]
    choose(browser, "property", "P131")
    assert set(cells(browser, "properties-0", 0)) == {"P131"}
    assert browser.run("document.querySelector('[data-figure=heat] > div').data[0].y") == ["P131"]
    choose(browser, "form", "delexicalised")
    assert browser.run(f"{ACCURACY}.layout.annotations.map(title => title.text)") == ["<b>delexicalised</b>"]
    assert set(cells(browser, "table4-0", 0)) == {"delexicalised"}
    browser.run("document.querySelector('#filters button').click()")
    browser.settle()
    assert cells(browser, "samples_to_solved-0", 0) == everything


def test_another_benchmark_is_another_set_of_sections(browser):
    assert browser.run(
        "[...document.querySelectorAll('article')].map(article => article.offsetParent !== null)"
    ) == [True, False, False]
    choose(browser, "section", "1")
    assert browser.run(
        "[...document.querySelectorAll('article')].map(article => article.offsetParent !== null)"
    ) == [False, True, False]
    assert cells(browser, "samples_to_solved-1", 0) == ["k-NN (hadamard)"]
    assert curves(browser) == ["k-NN (hadamard)", "best shortcut"]
    assert browser.run(
        "document.querySelector('article:not([hidden]) [data-figure=forgetting]').data.map(trace => "
        "[trace.name, trace.x, trace.y])"
    ) == [["k-NN (hadamard)", [5], [100]], ["Pareto front", [5], [100]]]


def test_a_click_on_a_heading_sorts_and_a_second_one_reverses(browser):
    def click(number: int) -> str:
        browser.run(f"document.querySelectorAll('#runs th button')[{number}].click()")
        return browser.run(f"document.querySelectorAll('#runs th')[{number}].getAttribute('aria-sort')")

    assert click(3) == "ascending"
    samples = [int(text) for text in cells(browser, "runs", 3)]
    assert samples == sorted(samples)
    assert click(3) == "descending"
    assert [int(text) for text in cells(browser, "runs", 3)] == samples[::-1]
    assert click(1) == "ascending"
    assert browser.run("document.querySelectorAll('#runs th')[3].getAttribute('aria-sort')") == "none"
    objectives = cells(browser, "runs", 1)
    assert objectives == sorted(objectives, key=str.casefold)


def test_a_heading_sorts_from_the_keyboard_too(browser):
    browser.run("document.querySelectorAll('#samples_by_seed-0 th button')[2].focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key="Enter",
            code="Enter",
            windowsVirtualKeyCode=13,
            text="\r" if kind == "keyDown" else "",
        )
    assert cells(browser, "samples_by_seed-0", 2) == ["0"] * 8 + ["1"] * 8


def test_a_figure_in_a_table_lists_the_runs_behind_it(browser):
    browser.run(
        "document.querySelector('#table2-0 .from').closest('tbody').querySelector('tr:last-child "
        ".from').click()"
    )
    found = browser.run(
        "[...document.querySelectorAll('#from a')].map(link => [link.textContent, link.getAttribute('href')])"
    )
    assert len(found) == 2
    assert all(href == f"../{name}" for name, href in found)
    assert browser.run("document.getElementById('from').open")
    browser.run("document.querySelector('#from button').click()")
    assert not browser.run("document.getElementById('from').open")


def test_names_that_are_markup_are_shown_as_text(browser):
    assert EVIL in cells(browser, "samples_to_solved-0", 1)
    assert EVIL in cells(browser, "properties-0", 0)
    assert browser.run("document.querySelectorAll('img, article script, #data script').length") == 0
    browser.run("document.querySelector('details').open = true")
    assert cells(browser, "missing", 3) == [EVIL]
    choose(browser, "property", EVIL)
    assert set(cells(browser, "properties-0", 0)) == {EVIL}
    drawn = browser.run("document.querySelector('article:not([hidden])').textContent")
    assert drawn.count("<script>alert(1)</script>") > 20
    assert EVIL in browser.run(
        "[...document.querySelectorAll('[data-figure=heat] .ytick text')].map(label => label.textContent)"
    )
    assert (
        browser.run("document.querySelector('[data-figure=accuracy] .legend').textContent").count(EVIL) == 4
    )


def test_a_phone_scrolls_tables_not_the_page(browser):
    browser.look(width=390, height=844)
    assert browser.wait(
        "[...document.querySelectorAll('.figure svg.main-svg')].every(figure => "
        "figure.getBoundingClientRect().right <= 390)"
    )
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert browser.run(
        "(place => place.scrollWidth > place.clientWidth)(document.querySelector('#table4-0 .scroll'))"
    )


def test_dark_and_light_follow_the_system_and_the_button(browser):
    def colours() -> list[str]:
        browser.settle()
        return browser.run(
            "[getComputedStyle(document.body).backgroundColor, "
            "document.querySelector('[data-figure=accuracy]').layout.font.color]"
        )

    light = colours()
    browser.look(dark=True)
    dark = colours()
    assert light == ["rgb(247, 248, 250)", "#1c2430"]
    assert dark == ["rgb(18, 22, 28)", "#e4e9f0"]
    browser.run("document.getElementById('theme').click()")
    assert colours() == light
    browser.look()
    browser.run("document.getElementById('theme').click()")
    assert colours() == dark
    browser.run("delete document.documentElement.dataset.theme")
