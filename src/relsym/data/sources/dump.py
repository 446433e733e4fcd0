"""Wikidata's own dumps from a local file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from relsym.data.sources.dump_json import JsonDump
from relsym.data.sources.dump_lines import Dump, Statements
from relsym.data.sources.dump_truthy import TruthyDump
from relsym.data.triples import (
    StatementDetails,
    TripleSource,
    check_choice,
    entities_of,
    label_frame,
    skips_bad_rows,
)

FORMATS: dict[str, type[Dump]] = {"json": JsonDump, "truthy": TruthyDump}
FORMAT_OF_SUFFIX = {".json": "json", ".nt": "truthy"}


class WikidataDump:
    """A dump as it comes from dumps.wikimedia.org: JSON or truthy, plain, .gz or .bz2.

    The JSON dump is called ``latest-all.json``, the truthy one ``latest-truthy.nt``.

    Two passes over the file: one for the statements of the chosen properties, one for the labels of the items
    that these name. Of a subject's statements of a property those of the best rank are kept: the preferred
    ones, or the normal ones if none is preferred. ``read`` counts statements of the chosen properties; those
    of other properties are not read at all, nor, in JSON, those of lexemes' forms and senses. Dropped:
    "deprecated", "not best rank", "no value", "some value" (there is one, unknown), "not an item" (subject or
    object is a property, a lexeme, a text ...) and "bad row" (a line that cannot be read counts as one
    statement). Lines that cannot matter are passed over unparsed, so that they need not be well formed. A
    deleted or merged item has no line of its own in a dump, and so no label.
    """

    def __init__(
        self,
        path: str | Path | None,
        format: str | None = None,
        language: str = "en",
        fallbacks: Sequence[str] = ("mul", "en"),
        on_bad_row: str = "error",
    ) -> None:
        """Open a dump.

        Args:
            path: the file.
            format: json or truthy; None tells it by the file's name (.json, .nt).
            language: of the labels.
            fallbacks: languages to take where that one is missing, in this order ("mul": all languages).
            on_bad_row: error or skip.

        Raises:
            ValueError: no path, a name that does not tell the format, an unknown word.
            FileNotFoundError: no such file.
        """
        if path is None:
            raise ValueError(
                "data.dump is not set: pass data.dump=PATH, a JSON dump (latest-all.json.gz) "
                "or a truthy dump (latest-truthy.nt.bz2) "
                "from https://dumps.wikimedia.org/wikidatawiki/entities/."
            )
        self.path = Path(path)
        self.skip_bad_rows = skips_bad_rows(on_bad_row)
        if not self.path.is_file():
            raise FileNotFoundError(f"data.dump={path}: there is no such file.")

        self.format = format or _format_of(self.path)
        check_choice("data.format", self.format, tuple(FORMATS))

        codes = [code.lower() for code in (language, *fallbacks)]
        self.languages = tuple(dict.fromkeys(codes))

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of these properties, and the labels of their items.

        Raises:
            ValueError: no entity in the file, no statement of the properties, a bad row (unless skipped), a
                damaged file.
        """
        dump = FORMATS[self.format](self.path, self.skip_bad_rows)
        return self._source(dump, dump.statements(tuple(properties)), properties)

    def read_detailed(
        self, properties: Collection[str], detailed: Collection[str]
    ) -> tuple[TripleSource, StatementDetails]:
        """As ``read``, with ranks and qualifiers of some properties and the exceptions of constraints.

        Raises:
            ValueError: as ``read``; a truthy dump, which has neither; a dump that is not whole.
        """
        dump = FORMATS[self.format](self.path, self.skip_bad_rows)
        if not isinstance(dump, JsonDump):
            raise ValueError(
                f"{self.path}: a truthy dump has no ranks and no qualifiers. Take the JSON dump."
            )
        statements, table, exceptions = dump.detailed_statements(tuple(properties), tuple(detailed))
        source = self._source(dump, statements, properties)
        if dump.bad_rows or dump.lacks_end:
            raise ValueError(
                f"{self.path}: is cut short, or has lines that cannot be read ({len(dump.bad_rows):,}), so "
                "that nobody knows what is stated there. Ranks and qualifiers are read of a whole dump alone."
            )
        return source, StatementDetails(table, exceptions, frozenset(dump.met))

    def _source(self, dump: Dump, statements: Statements, properties: Collection[str]) -> TripleSource:
        """The source of these statements: the labels of their items are read."""
        triples, dropped = statements
        bad_rows = dropped["bad row"]
        read = triples.height + dropped.total()
        if read == bad_rows:
            raise ValueError(
                f"{self.path} has no statement of the properties {', '.join(properties)}. "
                "Is this a dump of items, and is it whole? Name other properties in data.properties."
            )

        items = entities_of(triples)
        # Without items the second pass would read the whole file for nothing.
        labels = dump.labels(items, self.languages) if len(items) else label_frame({})

        # Bad rows among the labels were no statements: they are noted, but do not count as dropped. The plus
        # leaves out a count of 0.
        notes = Counter({"bad row among the labels": len(dump.bad_rows) - bad_rows})
        return TripleSource(
            triples,
            labels,
            read,
            dropped,
            f"Wikidata {self.format} dump {self.path.name}",
            notes=+notes,
            language=self.languages[0],
        )


def _format_of(path: Path) -> str:
    for suffix in path.suffixes:
        if suffix in FORMAT_OF_SUFFIX:
            return FORMAT_OF_SUFFIX[suffix]
    raise ValueError(
        f"data.dump={path}: the name tells neither .json nor .nt. Pass data.format=json or "
        "data.format=truthy."
    )
