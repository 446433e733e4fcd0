"""Pairs of sentences that people rated on a scale, from a table."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.data.sources.layout import Schema
from relsym.data.sources.nli import checked_title
from relsym.data.sources.rows import BY_NAME, content_of, filled_rows, place_of_row
from relsym.data.triples import BadRows
from relsym.ranges import Number
from relsym.text_encoding import TextEncoding, checked_encoding

LOG = logging.getLogger(__name__)
RATED_ROLES = ("premise", "hypothesis", "rating")
PROPERTY_ROLE = "property"
# The label of a pair whose rating is between the two thresholds.
UNLABELLED = ""
EMPTY_TEXT, UNUSABLE_RATING, BAD_RATED_ROW = "empty text", "unusable rating", "bad row"
# The description stands behind the type in a message.
ScaleEnds = Annotated[Sequence[Number], Meta(description="lowest and highest rating, such as [1,5]")]
FILES_READ = "a table with column names (.csv, .tsv, .txt, .jsonl, .ndjson, also .gz or .bz2; .parquet)"


class RatingScale(NamedTuple):
    """What a rating says about a pair.

    Which end of the scale means the same, the thresholds tell: the lower one if ``same`` is below
    ``different``, else the higher one.

    lowest, highest: of all ratings.
    same: a rating of this, or nearer the end that means the same, is entailment.
    different: a rating of this, or nearer the other end, is contradiction.
    """

    lowest: float
    highest: float
    same: float
    different: float

    @property
    def rises(self) -> bool:
        """Whether the highest rating means the same."""
        return self.same > self.different

    @property
    def ends(self) -> tuple[float, float]:
        """The rating that means the same, and the one that means something else."""
        return (self.highest, self.lowest) if self.rises else (self.lowest, self.highest)

    def sameness(self, rating: float) -> float:
        """How far a rating stands from the end that means something else."""
        _, other_end = self.ends
        return abs(rating - other_end)

    def label_of(self, rating: float) -> str:
        """Entailment, contradiction, or ``UNLABELLED``."""
        # No differences are compared: a rating that equals a threshold has to count as such exactly.
        if self.rises:
            means_same, means_other = rating >= self.same, rating <= self.different
        else:
            means_same, means_other = rating <= self.same, rating >= self.different
        if means_same:
            return ENTAILMENT
        return CONTRADICTION if means_other else UNLABELLED


class RatedPair(NamedTuple):
    """One pair, ``UNLABELLED`` where its rating is between the thresholds, and its mean rating."""

    row: Row
    rating: float


class RatedSource:
    """One table of pairs with a rating each.

    Args:
        file: CSV, TSV or JSONL (also packed) or Parquet, with column names.
        columns: premise, hypothesis, rating, property -> names of columns; null: the role's own name, and of
            property that there is none.
        scale: lowest and highest rating.
        same, different: the thresholds of ``RatingScale``.
        name: of the set, where ``title`` does not say.
        title: what form, property and metrics are called; None: ``name``.
        on_bad_row: "error" or "skip" (dropped and counted), for rows without a text or a usable rating.
        encoding: of text, such as utf-16-le, latin1 or cp1252; None: UTF-8. A byte order mark goes before it.

    Raises:
        ValueError: an argument that is missing, unknown, out of its range or at odds with another; a file
            that is no table by its name.
        FileNotFoundError: no such file.
    """

    def __init__(
        self,
        file: str | None,
        columns: Mapping[str, str | None],
        scale: ScaleEnds | None,
        same: Number | None,
        different: Number | None,
        name: str,
        title: str | None = None,
        on_bad_row: str = "error",
        encoding: str | None = None,
    ) -> None:
        self.path = _checked_file(file)
        self.kind = BY_NAME.kind_of(self.path)
        self.scale = checked_scale(scale, same, different)
        self.bad_rows = BadRows(on_bad_row)
        self.title = checked_title(title)
        self.name = title or name
        self.schema = _rated_schema(columns, checked_encoding(encoding))

    def pairs(self, counts: Counter[str]) -> list[RatedPair]:
        """All pairs of the file, in its order; bad rows end the command, or are dropped and counted.

        Raises:
            ValueError: an empty or damaged file, columns that are not there, a bad row (unless skipped), no
                pair with one of the two labels.
        """
        pairs: list[RatedPair] = []
        rows_read = 0
        for block in filled_rows(self.path, self.schema):
            for fields in block.iter_rows(named=True):
                # Rows that are dropped are numbered too: a pair's id tells its row in the table.
                rows_read += 1
                pair = self._pair(rows_read, fields, counts)
                if pair is not None:
                    pairs.append(pair)
        if not rows_read:
            raise ValueError(
                f"{self.path}: the file is empty but for its column names. Pass another data.file."
            )
        self._check_labels(pairs, rows_read)
        means_same, means_other = self.scale.ends
        LOG.info(
            "%d rated pairs of %s: %g means the same, %g something else",
            len(pairs),
            self.path,
            means_same,
            means_other,
        )
        return pairs

    def _pair(self, number: int, fields: Mapping[str, Any], counts: Counter[str]) -> RatedPair | None:
        """The pair in a row of the table; None where the row is bad and bad rows are left out.

        Args:
            number: of the row among all, from 1.
            fields: of the row, as ``table_rows`` gives them.
            counts: of what was dropped, by reason.
        """
        rating = rating_in(fields["rating"])
        fault = self._fault(fields, rating)
        if fault is not None:
            reason, problem = fault
            place = place_of_row(self.path, self.kind, fields["row"])
            self.bad_rows.settle(1, lambda: f"{place}: {problem}", counts, reason)
            return None
        property = (fields.get(PROPERTY_ROLE) or "").strip() or self.name
        label = self.scale.label_of(rating)
        pair_id = f"{self.path.name}:{number}"
        row = Row(pair_id, property, self.name, fields["premise"], fields["hypothesis"], label)
        return RatedPair(row, rating)

    def _fault(self, fields: Mapping[str, Any], rating: float | None) -> tuple[str, str] | None:
        """Reason and description of what is wrong with a row; None where nothing is."""
        roles = self.schema.columns
        if not fields["whole"] or any(fields[role] is None for role in roles):
            return BAD_RATED_ROW, f"expected {fields['expected']}, got {content_of(fields, list(roles))}"
        for role in ("premise", "hypothesis"):
            if not fields[role].strip():
                return EMPTY_TEXT, f"the column {roles[role]}, the {role}, is empty. Fill it in"
        if rating is None or not self.scale.lowest <= rating <= self.scale.highest:
            lowest, highest = self.scale.lowest, self.scale.highest
            return UNUSABLE_RATING, (
                f"the column {roles['rating']}, the rating, is {fields['rating'][:40]!r}: expected a number "
                f"from {lowest:g} to {highest:g}. Correct it, or data.scale=[{lowest:g},{highest:g}]"
            )
        return None

    def _check_labels(self, pairs: Sequence[RatedPair], rows_read: int) -> None:
        """Refuse pairs of which none has one of the two labels."""
        if not pairs:
            raise ValueError(
                f"{self.path}: no pair is left of its {rows_read} rows: all are bad rows. Name other columns "
                "in data.columns, or another data.scale."
            )
        present = {pair.row.label for pair in pairs}
        missing = [label for label in (ENTAILMENT, CONTRADICTION) if label not in present]
        if missing:
            ratings = [pair.rating for pair in pairs]
            lowest, highest = min(ratings), max(ratings)
            raise ValueError(
                f"{self.path}: no pair is {' or '.join(missing)} by data.same={self.scale.same:g} and "
                f"data.different={self.scale.different:g}: the column {self.schema.columns['rating']} has "
                f"ratings from {lowest:g} to {highest:g}. Choose other thresholds, or another column with "
                "data.columns.rating=NAME."
            )


def rating_in(text: str | None) -> float | None:
    """The number in a field; None where there is none, or one that is not finite."""
    # Python would take 1_000 for a number too.
    if text is None or "_" in text:
        return None
    try:
        rating = float(text)
    except ValueError:
        return None
    return rating if math.isfinite(rating) else None


def checked_scale(
    scale: Sequence[Number] | None, same: Number | None, different: Number | None
) -> RatingScale:
    """The scale with its two thresholds.

    Args:
        scale: ``data.scale``, the lowest and the highest rating.
        same, different: ``data.same`` and ``data.different``.

    Raises:
        ValueError: one is not set, a threshold lies outside the scale, or the two say no direction.
    """
    if scale is None:
        raise ValueError(
            "data.scale is not set. Pass data.scale=[LOWEST,HIGHEST], the ratings that people could give."
        )
    written = ",".join(str(end) for end in scale)
    if len(scale) != 2 or not all(map(_is_number, scale)) or scale[0] >= scale[1]:
        raise ValueError(
            f"data.scale=[{written}]: expected two numbers, the lowest rating and the highest one, such as "
            "data.scale=[1,5]."
        )
    thresholds = {"same": same, "different": different}
    meanings = {"same": "mean the same (entailment)", "different": "mean something else (contradiction)"}
    for name, threshold in thresholds.items():
        if threshold is None:
            raise ValueError(
                f"data.{name} is not set. Pass data.{name}=RATING, from which on to the end of the scale two "
                f"sentences {meanings[name]}."
            )
        if not _is_number(threshold) or not scale[0] <= threshold <= scale[1]:
            raise ValueError(
                f"data.{name}={threshold}: outside of data.scale=[{written}]. Pass a rating on the scale, "
                f"from which on to its end two sentences {meanings[name]}."
            )
    if same == different:
        raise ValueError(
            f"data.same={same} and data.different={different}: a pair cannot be both. Pass two ratings; the "
            "lower one belongs to the lower end of the scale."
        )
    checked = RatingScale(float(scale[0]), float(scale[1]), float(same), float(different))
    _warn_of_one_side(checked)
    return checked


def _warn_of_one_side(scale: RatingScale) -> None:
    """Warn of two thresholds in one half of the scale: moved across each other they mean the opposite."""
    middle = (scale.lowest + scale.highest) / 2
    means_same, means_other = scale.ends
    if (scale.same - middle) * (scale.different - middle) > 0:
        LOG.warning(
            "data.same=%g and data.different=%g stand in one half of the scale: taken for one on which %g "
            "means the same and %g something else",
            scale.same,
            scale.different,
            means_same,
            means_other,
        )


def _is_number(value: object) -> bool:
    """Whether a value is a finite number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rated_schema(columns: Mapping[str, str | None], encoding: TextEncoding) -> Schema:
    """The columns of the table: those that the user names, the others by their roles' names."""
    roles = (*RATED_ROLES, PROPERTY_ROLE)
    unknown = columns.keys() - set(roles)
    if unknown:
        raise ValueError(f"data.columns: unknown {', '.join(sorted(unknown))}: expected {', '.join(roles)}.")
    named: dict[str, str | int] = {role: columns.get(role) or role for role in RATED_ROLES}
    property_column = columns.get(PROPERTY_ROLE)
    if property_column:
        named[PROPERTY_ROLE] = property_column
    return Schema(
        key="data.columns",
        header_key="",
        columns=named,
        standard=roles,
        required=RATED_ROLES,
        width=None,
        header=True,
        # What is null is empty then, and told with its column.
        nullable=roles,
        encoding=encoding,
    )


def _checked_file(file: str | None) -> Path:
    """The file that ``data.file`` names, which has to be there."""
    if file is None:
        raise FileNotFoundError(f"data.file is not set. Pass data.file=PATH of {FILES_READ}.")
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"data.file={file}: no such file. Pass data.file=PATH of {FILES_READ}.")
    return path
