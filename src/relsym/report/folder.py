"""A report's folder: written aside, and put in the place of the report before as the last thing.

A new report is written into ``partial.report``. Once it is whole, that folder is renamed to
``partial.report.whole``, and its files take their places: the page of the report before goes first and the
new one comes last, so that a folder with a page holds one whole report. Whoever is stopped on the way leaves
the rest to the next call, which begins with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

import relsym
from relsym.report.write import Writer
from relsym.runs.decoding import decode, encode
from relsym.runs.files import remove
from relsym.runs.layout import PARTIAL, REPORT, REPORT_FIGURES, REPORT_PAGES, REPORT_TABLES

REPORT_FORMAT = 1
ASIDE, WHOLE = f"{PARTIAL}report", f"{PARTIAL}report.whole"
_ENDINGS = {REPORT_TABLES: (".csv", ".tex"), REPORT_FIGURES: (".png", ".svg")}


class ReportRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``report.json``: which files of the folder are the report's; all others are the user's.

    relsym: the version that wrote it.
    files: their paths in the folder.
    """

    relsym: str
    files: list[str]
    format: int = REPORT_FORMAT


def write_report(writers: Mapping[str, Writer], out: Path) -> None:
    """Write a report; until all of it is written, the one that is there stays as it is.

    What the report there has and the new one has not goes; what is the user's stays.

    Args:
        writers: what writes each file, by its path in the folder.
        out: the folder, which no other process may write to meanwhile.

    Raises:
        FileExistsError: something of the user's is where a file or folder of the report has to be.
        OSError: a file cannot be written.
    """
    put_in_place(out)
    _check_places(out, list(writers))
    aside = out / ASIDE
    remove(aside)
    try:
        for name, writer in writers.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            writer(path)
        record = ReportRecord(relsym.__version__, sorted(writers))
        (aside / REPORT).write_text(encode(record), encoding="utf-8")
    except BaseException:  # Ctrl-C too
        remove(aside)
        raise
    os.replace(aside, out / WHOLE)
    put_in_place(out)


def put_in_place(out: Path) -> None:
    """Move the files of a report that is whole to their places; nothing is done where there is none.

    It may be stopped anywhere and called again: a file that is not there any more was moved before.
    """
    whole = out / WHOLE
    if (whole / REPORT).exists():
        files = report_record(whole / REPORT).files
        pages = [name for name in REPORT_PAGES if (whole / name).exists()]
        for name in reversed(pages):  # the page itself first, and in the end last
            remove(out / name)
        if (out / REPORT).exists():
            _clear(out, set(report_record(out / REPORT).files) - set(files))
        others = [name for name in files if name not in pages]
        for name in (*others, *pages, REPORT):
            if (whole / name).exists():
                (out / name).parent.mkdir(exist_ok=True)
                os.replace(whole / name, out / name)
    remove(whole)


def report_record(path: Path) -> ReportRecord:
    """Which files are a report's.

    Raises:
        ValueError: it is no such record, or lists what no report writes.
    """
    advice = f"relsym report wrote no such {REPORT}: move it away, or choose another hydra.run.dir."
    record = decode(path, ReportRecord, REPORT_FORMAT, advice)
    strange = [name for name in record.files if not _is_of_a_report(name)]
    if strange:
        raise ValueError(f"{path}: files: {strange[0]!r} is no file of a report. {advice}")
    return record


def _is_of_a_report(name: str) -> bool:
    """Whether a path can be that of a report's file: what a record lists is deleted one day."""
    folder, _, file = name.rpartition("/")
    is_in_folder = file == PurePosixPath(file).name and file.endswith(_ENDINGS.get(folder, ()))
    return name in REPORT_PAGES or is_in_folder


def _check_places(out: Path, names: Sequence[str]) -> None:
    """Refuse a folder where something of the user's is in the way of the report.

    Raises:
        FileExistsError: naming it.
        ValueError: a ``report.json`` of something else.
    """
    if (out / REPORT).exists():
        report_record(out / REPORT)
    for name in names:
        place = out / name
        if place.is_dir():
            raise FileExistsError(
                f"{place} is a folder, and a report has a file there. Choose another hydra.run.dir."
            )
        if place.parent.exists() and not place.parent.is_dir():
            raise FileExistsError(
                f"{place.parent} is a file, and a report has a folder there. Choose another hydra.run.dir."
            )


def _clear(out: Path, names: set[str]) -> None:
    """Delete files of an earlier report, and its folders where nothing else is in them."""
    for name in sorted(names):
        remove(out / name)
    for folder in _ENDINGS:
        with suppress(OSError):
            (out / folder).rmdir()
