"""A disk that takes nothing more: what is said, what is left, and that nothing is lost."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import resource
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from relsym.app import visible_output
from relsym.app.entry import describe
from relsym.app.values.named_paths import noting_option
from relsym.runs import disk
from relsym.runs.disk import NO_ROOM, NoRoom, check_room, lack_of_room, no_room, told
from relsym.runs.files import naming_room, write_atomically, write_text_atomically
from relsym.runs.lock import held_folders, hold, holding, release_all
from runs_of import write_run

MANY = np.arange(50_000, dtype=np.float64)
LIMIT = 8192  # bytes of a file: less than any writer below needs


@contextmanager
def short_files(limit: int = LIMIT) -> Iterator[None]:
    """No file of this process may be longer: an error of the system itself, as under ``ulimit -f``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def figure(path: Path) -> None:
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(8, 8))
    drawn.subplots().plot(np.random.default_rng(0).random(5000))
    drawn.savefig(path, format="svg")


# Every library by which something is written, each with its own way to say that it could not.
WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("x" * 100_000),
    "safetensors of numpy": lambda path: save_file({"a": MANY}, path),
    "safetensors of torch": lambda path: save_torch_file({"a": torch.from_numpy(MANY)}, path),
    "torch": lambda path: torch.save(torch.from_numpy(MANY), path),
    "pyarrow": lambda path: pq.write_table(pa.table({"a": MANY}), path),
    "polars": lambda path: pl.DataFrame({"a": MANY}).write_parquet(path),
    "bytes": lambda path: path.write_bytes(MANY.tobytes()),
    "matplotlib": figure,
}


@pytest.mark.parametrize("name", WRITERS)
def test_whatever_library_writes_a_file_that_is_too_long_is_named_with_the_limit(tmp_path, name):
    target = tmp_path / "file"
    target.write_text("the one before")
    with short_files(), pytest.raises(NoRoom) as refused:
        write_atomically(target, WRITERS[name])
    assert str(refused.value).startswith(f"{target}: no room to write it (File too large): ")
    assert "a file may have 8,192 bytes at most (ulimit -f). Raise that limit, then give" in str(
        refused.value
    )
    assert target.read_text() == "the one before"
    assert os.listdir(tmp_path) == ["file"]
    assert describe(refused.value) == str(refused.value)


@pytest.mark.parametrize("number", NO_ROOM)
@pytest.mark.parametrize(
    "told_by",
    [
        lambda number: OSError(number, os.strerror(number)),
        lambda number: OSError(f"[Errno {number}] Error writing bytes to file. Detail: [errno {number}] ..."),
        lambda number: Exception(f"Error while serializing: I/O error: nonsense (os error {number})"),
        lambda number: RuntimeError(f"write failed: {os.strerror(number)}"),
    ],
    ids=["python", "arrow", "rust", "text"],
)
def test_a_disk_without_room_is_known_by_what_any_library_says_of_it(number, told_by):
    assert lack_of_room(told_by(number)) == os.strerror(number)
    caused = ValueError("cannot write the encoder")
    caused.__cause__ = told_by(number)
    assert lack_of_room(caused) == os.strerror(number)


def test_other_errors_are_none_of_a_full_disk(tmp_path):
    for error in (
        ValueError("x"),
        FileNotFoundError(errno.ENOENT, "No such file", "a"),
        OSError("os error 5"),
    ):
        assert lack_of_room(error) is None
    assert lack_of_room(sqlite3.OperationalError("database or disk is full")) == os.strerror(errno.ENOSPC)
    with pytest.raises(ValueError, match="not for any file"), naming_room(tmp_path, tmp_path):
        raise ValueError("not for any file")


def test_a_library_that_says_nothing_is_asked_no_further_the_disk_is(tmp_path, monkeypatch):
    """polars says "Invalid thrift: transport error" of a full disk."""

    def write(path: Path) -> None:
        path.write_bytes(b"x" * 3000)
        raise pl.exceptions.ComputeError("parquet: Invalid thrift: transport error")

    with pytest.raises(pl.exceptions.ComputeError):
        write_atomically(tmp_path / "a", write)
    full = os.statvfs_result((4096, 4096, 100, 0, 0, 50, 40, 40, 0, 255))
    monkeypatch.setattr(disk.os, "statvfs", lambda path: full)
    with pytest.raises(
        NoRoom, match=r"a: no room .*: 0 bytes are left on that disk, and it needs more than the 3,000"
    ):
        write_atomically(tmp_path / "a", write)
    no_inodes = os.statvfs_result((4096, 4096, 100, 9, 9, 50, 0, 0, 0, 255))
    monkeypatch.setattr(disk.os, "statvfs", lambda path: no_inodes)
    with pytest.raises(
        NoRoom, match="36,864 bytes are left on that disk but no more files can be made on it"
    ):
        write_atomically(tmp_path / "a", write)
    # Some file systems do not know their size.
    unknown = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(disk.os, "statvfs", lambda path: unknown)
    with pytest.raises(pl.exceptions.ComputeError):
        write_atomically(tmp_path / "a", write)
    check_room(tmp_path / "a", 10**12, None)


def test_the_option_that_chooses_the_folder_is_named_where_one_does(tmp_path):
    with holding(tmp_path / "sweep", "hydra.sweep.dir"), short_files(), pytest.raises(NoRoom) as refused:
        write_text_atomically(tmp_path / "sweep" / "sweep.json", "x" * 10_000)
    assert "Raise that limit, or choose another hydra.sweep.dir, then give the same" in str(refused.value)
    assert "Make it writable, or choose" in str(no_room(tmp_path, os.strerror(errno.EROFS), "out=OUT"))


def test_what_is_known_to_have_no_room_is_refused_before_it_is_computed(tmp_path):
    check_room(tmp_path / "encoder", 1000, "hydra.run.dir")
    with pytest.raises(NoRoom, match=r"it needs 1,000,000,000,000,000,000 bytes, and [\d,]+ bytes are left"):
        check_room(tmp_path / "encoder", 10**18, "hydra.run.dir")
    with (
        short_files(),
        pytest.raises(NoRoom, match=r"it needs 9,000 bytes.* Raise that limit, or choose another hyd"),
    ):
        check_room(tmp_path / "encoder", 9000, "hydra.run.dir")


def test_an_error_of_the_system_is_told_with_its_path_and_without_its_number(tmp_path):
    for attempt in (
        lambda: (tmp_path / "a").read_text(),
        lambda: os.replace(tmp_path / "a", tmp_path / "b"),
        lambda: tmp_path.read_text(),
    ):
        with pytest.raises(OSError, match="Errno") as failed:
            attempt()
        assert describe(failed.value).startswith(f"{tmp_path}")
        assert "Errno" not in describe(failed.value)
    assert told(OSError("no number")) == "no number"
    assert told(OSError(5, "Input/output error", 3)) == "Input/output error"


def test_a_file_that_the_system_refuses_is_told_with_the_option_that_names_it_or_its_folder(tmp_path):
    cfg = OmegaConf.create(
        {"data": {"table": str(tmp_path), "copy": "${data.table}"}, "model": {"name": "A" * 300}}
    )
    for attempt, told_so in (
        (lambda: tmp_path.read_text(), f"data.table: {tmp_path}: Is a directory"),
        (lambda: (tmp_path / "a").read_text(), f"data.table: {tmp_path / 'a'}: No such file or directory"),
        (lambda: Path("A" * 300).read_text(), f"model.name: {'A' * 300}: File name too long"),
        (lambda: Path("/nowhere").read_text(), "/nowhere: No such file or directory"),
    ):
        with pytest.raises(OSError, match="Errno") as failed, noting_option(cfg):
            attempt()
        assert describe(failed.value) == told_so
    long = ValueError(f"model.name={'A' * 100_000}: nothing")
    assert len(describe(long)) < 500, "nobody reads a path of 100,000 letters"


def test_what_nobody_named_is_told_with_the_folders_of_the_command(tmp_path, monkeypatch):
    """Hydra's own files, a logger's curves: Python names no file where writing fails."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    hold(tmp_path / "run", "hydra.run.dir")
    try:
        message = describe(OSError(errno.ENOSPC, "No space left on device"))
        assert held_folders() == [tmp_path / "run"]
    finally:
        release_all()
    assert message.startswith(
        "no room to write (No space left on device). Make room, then give the same command"
    )
    assert f"Where this command writes: {tmp_path / 'run'}: " in message
    error = OSError(
        errno.ENOSPC, "No space left on device. Set XDG_CACHE_HOME to a folder", str(tmp_path / "c")
    )
    told_so = describe(error)
    assert told_so.startswith(f"{tmp_path / 'c'}: no room to write it (No space left on device): ")
    assert told_so.endswith("then give the same command again. Set XDG_CACHE_HOME to a folder.")


def test_a_report_that_finds_no_room_leaves_the_one_before_and_names_the_file(tmp_path, relsym):
    write_run(tmp_path / "runs" / "a")
    words = ("report", f"inputs={tmp_path / 'runs'}", f"hydra.run.dir={tmp_path / 'out'}")
    with short_files(100_000):
        ended = relsym(*words)
    assert ended.code == 1
    assert f"{tmp_path / 'out' / 'report.html'}: no room to write it (File too large)" in ended.err
    assert os.listdir(tmp_path / "out") == ["report.log"]
    assert relsym(*words).code == 0


def test_a_build_and_an_export_that_find_no_room_are_no_whole_ones_and_can_be_given_again(tmp_path, relsym):
    for command, last in (("build", "manifest.json"), ("export", "export.json")):
        out = tmp_path / command
        with short_files():
            ended = relsym(command, f"hydra.run.dir={out}")
        assert ended.code == 1
        assert f"{out}" in ended.err
        assert "no room to write it (File too large)" in ended.err
        assert "Traceback" not in ended.err
        assert not (out / last).exists()
        assert relsym(command, f"hydra.run.dir={out}").code == 0
        assert json.loads((out / last).read_text())


class FullStream(io.StringIO):
    """A file on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_log_lines_without_room_are_told_once_and_without_tracebacks(monkeypatch, capsys):
    monkeypatch.setattr(visible_output, "_FULL", [])
    # What is set for the process is taken back by pytest.
    monkeypatch.setattr(logging.Handler, "handleError", logging.Handler.handleError)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    factory = logging.getLogRecordFactory()
    visible_output.make_output_visible()
    logging.setLogRecordFactory(factory)
    handler = logging.StreamHandler(FullStream())
    for number in range(3):
        handler.emit(logging.makeLogRecord({"msg": f"line {number}"}))
    closed = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    sys.unraisablehook(SimpleNamespace(exc_value=closed, object=handler.stream))
    told_so = capsys.readouterr().err
    assert told_so == (
        "relsym: warning: a log: no room for further lines (No space left on device). Make room.\n"
    )
    broken = logging.StreamHandler(io.StringIO())
    broken.emit(logging.makeLogRecord({"msg": "%d", "args": ("x",)}))
    assert "--- Logging error ---" in capsys.readouterr().err, "other errors are told as ever"


def test_a_copy_that_finds_no_room_names_the_copy(tmp_path):
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/from/a", None, str(tmp_path / "to"))
    assert describe(error).startswith(f"{tmp_path / 'to'}: no room to write it (No space left on device): ")
