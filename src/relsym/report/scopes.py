"""What may stand in one table: runs on the same benchmark, split and scored rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from relsym.report.labels import forms_of


@dataclass(frozen=True)
class Scope:
    """Runs whose figures can be compared.

    title: benchmark, its content hash, split, which rows were scored and how many.  whole: they are the test rows of the whole
    benchmark, not of one of its folds, so that samples to a threshold and the paper's tables can be asked for.
    """

    title: str
    runs: list[dict[str, Any]]

    @property
    def whole(self) -> bool:
        """Test rows, no fold."""
        return self.runs[0]["score_on"] == "test" and self.runs[0]["fold"] is None

    @property
    def forms(self) -> list[str]:
        """The forms that were scored."""
        return forms_of(self.runs[0])

    @property
    def rows(self) -> dict[str, int]:
        """Scored rows by form."""
        return {form: self.runs[0]["rows"][form] for form in self.forms}


def scopes(runs: list[dict[str, Any]]) -> list[Scope]:
    """One for each benchmark (by content hash), sides and scored rows; the one with most runs first."""
    by_rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        rows = ", ".join(f"{run['rows'][form]} {form}" for form in forms_of(run))
        sides = f", split {run['sides']}" if run["sides"] else ""
        title = f"{run['benchmark']} {run['benchmark_hash'][:8]}{sides}, {run['score_on']} rows: {rows}"
        by_rows.setdefault((title, run["rows_hash"]), []).append(run)
    twice = Counter(title for title, _ in by_rows)
    found = [Scope(f"{title}, rows #{rows[:6]}" if twice[title] > 1 else title, group) for (title, rows), group in by_rows.items()]
    return sorted(found, key=lambda scope: -len(scope.runs))
