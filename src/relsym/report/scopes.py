"""What may stand in one table: runs on the same benchmark, split and scored rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from relsym.runs.results import AnyResults


@dataclass(frozen=True)
class Scope:
    """Runs whose figures can be compared.

    title: benchmark, its content hash, split, which rows were scored and how many.  whole: they are the test
    rows of the whole benchmark, not of one of its folds, so that samples to a threshold and the paper's
    tables can be asked for.
    """

    title: str
    runs: list[AnyResults]

    @property
    def whole(self) -> bool:
        """Test rows, no fold."""
        return self.runs[0].score_on == "test" and self.runs[0].benchmark.fold is None

    @property
    def forms(self) -> list[str]:
        """The forms that were scored."""
        return self.runs[0].forms

    @property
    def rows(self) -> dict[str, int]:
        """Scored rows by form."""
        return self.runs[0].rows

    @property
    def accuracy_key(self) -> str:
        """Where the model's own figures stand in every run: ``test/accuracy``."""
        return self.runs[0].accuracy_key

    @property
    def kinds(self) -> dict[str, str]:
        """Property -> kind of relation, of all scored rows."""
        kinds: dict[str, str] = {}
        for run in self.runs:
            kinds |= run.benchmark.kinds
        return kinds

    @property
    def holds_out(self) -> bool:
        """Whether something was held out of training in a run."""
        return any(run.benchmark.holds_out for run in self.runs)


def scopes(runs: Sequence[AnyResults]) -> list[Scope]:
    """One for each benchmark (by content hash), sides and scored rows; the one with most runs first."""
    by_rows: dict[tuple[str, str], list[AnyResults]] = {}
    for run in runs:
        rows = ", ".join(f"{count} {form}" for form, count in run.rows.items())
        sides = f", split {run.benchmark.sides}" if run.benchmark.sides else ""
        title = f"{run.benchmark.title} {run.benchmark.content_hash[:8]}{sides}, {run.score_on} rows: {rows}"
        by_rows.setdefault((title, run.benchmark.rows_hash), []).append(run)
    times = Counter(title for title, _ in by_rows)
    found = []
    for (title, rows_hash), group in by_rows.items():
        unique = f"{title}, rows #{rows_hash[:6]}" if times[title] > 1 else title
        found.append(Scope(unique, group))
    return sorted(found, key=lambda scope: -len(scope.runs))
