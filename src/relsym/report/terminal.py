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
from relsym.report.write import missing_of

PRINTED = ("samples_to_solved", "table2", "table4", "models")


def print_sections(sections: Sequence[Section], collected: Collected, console: Console) -> None:
    """What is missing; of each benchmark the readers at the highest number of samples, the paper's tables and
    the samples to solve it.
    """
    console.print(lead(collected), soft_wrap=True)
    if missing := missing_of(collected):
        print_table(missing, console)
    for section in sections:
        for title, lines in section.lines.items():
            highest = max(line.samples for line in lines)
            print_table(reader_table(title, [line for line in lines if line.samples == highest]), console)
        for table in section.tables:
            if table.name in PRINTED:
                print_table(narrow(table), console)


def narrow(table: Table) -> Table:
    """Without the notes that the files hold."""
    return replace(table, notes=table.notes[:1])
