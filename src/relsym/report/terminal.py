"""A report on the terminal: its main tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from relsym.report.collect import Collected
from relsym.report.sections import Section, reader_table
from relsym.report.summary import lead
from relsym.report.tables.cells import Table
from relsym.report.tables.formats import print_table
from relsym.report.tables.origins import broken_table
from relsym.report.write import missing_of

# Tables by name, beside those of readers.
PRINTED = ("samples_to_solved", "table2", "table4", "models")


def print_sections(sections: Sequence[Section], collected: Collected, console: Console) -> None:
    """Print what was run, the jobs without results, and the main tables of every section.

    Of readers those at the highest number of samples alone: the files hold the others.
    """
    console.print(lead(collected), soft_wrap=True)
    for warning in (broken_table(collected.broken), missing_of(collected)):
        if warning is not None:
            print_table(warning, console)
    for section in sections:
        for title, lines in section.lines.items():
            highest = max(line.samples for line in lines)
            at_highest = [line for line in lines if line.samples == highest]
            print_table(reader_table(title, at_highest), console)
        for table in section.tables:
            if table.name in PRINTED:
                print_table(narrow(table.shown()), console)


def narrow(table: Table) -> Table:
    """The table with its first note alone; the files hold the others."""
    return replace(table, notes=table.notes[:1])
