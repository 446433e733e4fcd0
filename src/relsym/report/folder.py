"""A report's folder: written aside, and put in the place of the report before as the last thing.

A new report is written into ``partial.report``. Once it is whole, that folder is renamed to
``partial.report.whole``, and its files take their places: the page of the report before goes first and the
new one comes last, so that a folder with a page holds one whole report. Whoever is stopped on the way leaves
the rest to the next call, which begins with it. What can keep a file from its place, and what would be lost
there, is looked at before anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

import relsym
from relsym.report.collect import BrokenFile
from relsym.report.write import Writer
from relsym.runs.decoding import decode, encode
from relsym.runs.files import naming_room, remove
from relsym.runs.layout import PARTIAL, REPORT, REPORT_FIGURES, REPORT_PAGES, REPORT_TABLES

REPORT_FORMAT = 1
ASIDE, WHOLE = f"{PARTIAL}report", f"{PARTIAL}report.whole"
_ENDINGS = {REPORT_TABLES: (".csv", ".tex"), REPORT_FIGURES: (".png", ".svg")}
# What the pages of every report begin with, those without a record of their files included.
_BEGINNINGS = {"report.html": b"<!doctype html>", "report.md": b"# relsym report"}
_TITLE = b"<title>relsym report</title>"
_BEGINNING_BYTES = 2000  # the title is within them


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that could not be read: its path, and why."""

    path: str
    reason: str


class ReportRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``report.json``: which files of the folder are the report's; all others are the user's.

    relsym: the version that wrote it.
    files: their paths in the folder.
    left_out: what the report does without.
    """

    relsym: str
    files: list[str]
    left_out: list[LeftOut] = []  # msgspec makes a new one for each
    format: int = REPORT_FORMAT


def write_report(writers: Mapping[str, Writer], out: Path, broken: Sequence[BrokenFile] = ()) -> None:
    """Write a report; until all of it is written, the one that is there stays as it is.

    What the report there has and the new one has not goes; what is the user's stays.

    Args:
        writers: what writes each file, by its path in the folder.
        out: the folder, which no other process may write to meanwhile.
        broken: what the report had to do without, for its record.

    Raises:
        FileExistsError: something of the user's is where a file or folder of the report has to be.
        ValueError: a ``report.json`` of something else.
        OSError: a file cannot be written.
    """
    _check_places(out, list(writers))
    put_in_place(out)
    _check_owned(out, list(writers))
    aside = out / ASIDE
    remove(aside)
    listed = [LeftOut(str(path), reason) for path, reason in broken]
    record = ReportRecord(relsym.__version__, sorted(writers), listed)
    try:
        for name, writer in writers.items():
            path = aside / name
            with naming_room(out / name, path):
                path.parent.mkdir(parents=True, exist_ok=True)
                writer(path)
        with naming_room(out / REPORT, aside / REPORT):
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
    """Refuse a folder where files cannot be moved into their places, or old ones not be taken away.

    Those of the earlier report count too, and of one that is whole but not in its place yet.

    Raises:
        FileExistsError: naming what is in the way.
        PermissionError: naming a folder in which this user may change nothing.
        OSError: a folder of the report is on another file system.
        ValueError: a ``report.json`` of something else.
    """
    places = [out / name for name in sorted({*names, *_listed(out), *_listed(out / WHOLE), REPORT})]
    for place in places:
        if place.is_dir():
            raise FileExistsError(
                f"{place} is a folder, and a report has a file there. Choose another hydra.run.dir."
            )
    for folder in sorted({place.parent for place in places}):
        if os.path.lexists(folder):
            _check_parent(folder, out)


def _check_parent(folder: Path, out: Path) -> None:
    """Refuse what is where a folder of a report has to be; see ``_check_places``."""
    advice = "Choose another hydra.run.dir."
    if not folder.is_dir():
        kind = "a link that leads nowhere" if folder.is_symlink() and not folder.exists() else "a file"
        raise FileExistsError(f"{folder} is {kind}, and a report has a folder there. {advice}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: you may not write there, and a report has files there. {advice}")
    if folder.stat().st_dev != out.stat().st_dev:  # files are renamed into their places
        raise OSError(f"{folder} is on another file system than {out}. {advice}")


def _check_owned(out: Path, names: Sequence[str]) -> None:
    """Refuse to write over files that no report left.

    A report is known by its record, and one of an earlier version, which has none, by its pages.

    Raises:
        FileExistsError: naming the file.
    """
    own = _listed(out)
    if not own:
        own = {name for name in _BEGINNINGS if _begins_as_a_page(out / name)}
        if own:
            own |= set(names) - set(_BEGINNINGS)
    if (out / REPORT).is_file():
        own.add(REPORT)
    for name in (*names, REPORT):
        if name not in own and os.path.lexists(out / name):
            raise FileExistsError(
                f"{out / name} is not of an earlier report, and this one has a file there. Move it away, or "
                "choose another hydra.run.dir."
            )


def _listed(folder: Path) -> set[str]:
    """What the record in a folder lists; nothing where there is none."""
    path = folder / REPORT
    return set(report_record(path).files) if path.is_file() else set()


def _begins_as_a_page(path: Path) -> bool:
    """Whether a file is the page, or the Markdown, of a report of whatever version."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        beginning = stream.read(_BEGINNING_BYTES)
    is_titled = path.suffix != ".html" or _TITLE in beginning
    return is_titled and beginning.startswith(_BEGINNINGS[path.name])


def _clear(out: Path, names: set[str]) -> None:
    """Delete files of an earlier report, and its folders where nothing else is in them."""
    for name in sorted(names):
        remove(out / name)
    for folder in _ENDINGS:
        with suppress(OSError):
            (out / folder).rmdir()
