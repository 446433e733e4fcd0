"""The page on the direction encoder says what the record of its measurements says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import direction_page  # noqa: E402
from direction_record import Record, counts_of, share  # noqa: E402

PAGE, RECORD = ROOT / "docs" / "results" / "direction.md", ROOT / "docs" / "results" / "direction.json"


@pytest.fixture
def page() -> direction_page.Page:
    return direction_page.Page(Record(RECORD))


def predictions(*rows: tuple[str, str, str, bool]) -> pl.DataFrame:
    """Fact, property, variant and whether it is right, with names; one kind."""
    table = pl.DataFrame(rows, schema=["fact_id", "property", "variant", "correct"], orient="row")
    return table.with_columns(form=pl.lit("lexicalised"), kind=pl.lit("symmetric"))


def test_the_tables_of_the_page_are_those_of_the_record(page):
    text = PAGE.read_text(encoding="utf-8")
    assert direction_page.filled(text, page) == text, "run benchmarks/direction_page.py"


def test_what_was_measured_stands_on_the_page(page):
    named = [match[2] for match in direction_page.MARKED.finditer(PAGE.read_text(encoding="utf-8"))]
    assert sorted(named) == sorted(name for name, table in page.tables.items() if table())


def test_a_table_has_a_line_for_what_was_measured(page):
    lines = page.headline().splitlines()[2:]
    assert lines
    assert all(line.count("|") == 6 for line in lines)


def test_a_fact_counts_where_all_its_items_are_right_but_those_that_are_counted_apart():
    counts = counts_of(
        predictions(
            ("a", "P1", "swap", True),
            ("a", "P1", "paraphrase", True),
            ("a", "P1", "swapped_paraphrase", False),
            ("b", "P1", "swap", True),
            ("b", "P1", "paraphrase", False),
            ("b", "P1", "swapped_paraphrase", True),
            ("c", "P2", "swap", False),
            ("c", "P2", "paraphrase", True),
            ("d", "P2", "paraphrase", True),
            ("d", "P2", "swapped_paraphrase", True),
        )
    )
    of = {measure: counts[measure]["lexicalised"]["symmetric"] for measure in ("groups", "roles", "swap")}
    assert of == {
        "groups": {"P1": (1, 2), "P2": (1, 2)},
        "roles": {"P1": (0, 2), "P2": (1, 1)},  # of c nobody asked the swapped paraphrase
        "swap": {"P1": (2, 2), "P2": (0, 1)},
    }
    assert counts["converse_roles"] == {}


def test_the_share_of_several_seeds_is_over_all_their_facts_and_its_interval_draws_relations():
    one = share([{"P1": (4, 4), "P2": (0, 4)}, {"P1": (4, 4), "P2": (2, 4)}])
    assert (one.value, one.facts) == (10 / 16, 16)
    assert (one.low, one.high) == (0.25, 1.0)  # of two relations both draws may be the same
    assert str(share([{"P1": (1, 3)}])) == "33.3"


def test_what_was_measured_is_kept_at_once_and_not_measured_again(tmp_path):
    path = tmp_path / "record.json"

    def fails() -> None:
        raise RuntimeError("killed")

    record = Record(path)
    assert record.once("a/one", lambda: {"P1": (1, 2)}) == {"P1": (1, 2)}
    with pytest.raises(RuntimeError):
        record.once("a/two", fails)
    assert json.loads(path.read_text()) == {"a/one": {"P1": [1, 2]}}
    again = Record(path)
    assert again.once("a/one", fails) == {"P1": [1, 2]}
    again.forget("a/")
    with pytest.raises(RuntimeError):
        again.once("a/one", fails)
