"""What may stand in one table: runs on the same benchmark, split and scored rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from relsym.runs.results import AnyResults


@dataclass(frozen=True)
class Scope:
    """Runs whose figures can be compared.

    title: benchmark, its content hash, split, which rows were scored and how many.
    runs: at least one; what they have in common is read from the first.
    """

    title: str
    runs: list[AnyResults]

    @property
    def whole(self) -> bool:
        """Whether the rows are test rows of the whole benchmark, not of one of its folds.

        Of these alone samples to a threshold and the paper's tables can be asked.
        """
        run = self.runs[0]
        return run.score_on == "test" and run.benchmark.fold is None

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
        """Property -> kind of relation, of all scored rows of all runs."""
        kinds: dict[str, str] = {}
        for run in self.runs:
            kinds |= run.benchmark.kinds
        return kinds

    @property
    def holds_out(self) -> bool:
        """Whether something was held out of training in a run."""
        return any(run.benchmark.holds_out for run in self.runs)


def scopes(runs: Sequence[AnyResults]) -> list[Scope]:
    """A scope for each benchmark (by content hash), its split and its scored rows, most runs first."""
    by_rows: dict[tuple[str, str], list[AnyResults]] = {}
    for run in runs:
        key = (_scope_title(run), run.benchmark.rows_hash)
        by_rows.setdefault(key, []).append(run)
    scopes_with_title = Counter(title for title, _ in by_rows)
    groups = []
    for (title, rows_hash), group in by_rows.items():
        unique_title = title
        if scopes_with_title[title] > 1:
            # As many rows of the same benchmark, but not the same ones: their hash tells them apart.
            unique_title = f"{title}, rows #{rows_hash[:6]}"
        groups.append(Scope(unique_title, group))
    return sorted(groups, key=lambda scope: -len(scope.runs))


def _scope_title(run: AnyResults) -> str:
    """Benchmark, split and scored rows: ``mini 1a2b3c4d, split grouped, test rows: 40 lexicalised``."""
    benchmark = run.benchmark
    title = f"{benchmark.title} {benchmark.content_hash[:8]}"
    if benchmark.sides:
        title += f", split {benchmark.sides}"
    counts = []
    for form, count in run.rows.items():
        counts.append(f"{count} {form}")
    return f"{title}, {run.score_on} rows: {', '.join(counts)}"
