"""How a process of relsym ends: its output, its folder, its memory, and exits of a user's own code."""

import errno
import importlib.util
import inspect
import os
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from relsym.app import limits
from relsym.app.entry import describe, guarded, run
from relsym.app.limits import shortage
from relsym.app.streams import Outlet, OutputLost
from relsym.app.values.schema import SCHEMAS
from relsym.objectives.base import Objective

RELSYM = (sys.executable, "-m", "relsym")


# --- output


@pytest.mark.parametrize("must_arrive", [True, False])
def test_a_reader_that_has_left_is_no_error_and_the_descriptor_leads_nowhere_from_then_on(must_arrive):
    reader, writer = os.pipe()
    os.close(reader)
    outlet = Outlet(writer, must_arrive)
    assert outlet.write(b"12345") == 5
    assert os.write(writer, b"what a library in C prints") == 26
    os.close(writer)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_output_that_cannot_be_written_is_told_once_and_messages_that_cannot_are_dropped():
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OutputLost, match="No space left on device"):
        Outlet(descriptor, must_arrive=True).write(b"1")
    assert Outlet(descriptor, must_arrive=True).write(b"2") == 1
    os.close(descriptor)
    descriptor = os.open("/dev/full", os.O_WRONLY)
    assert Outlet(descriptor, must_arrive=False).write(b"3") == 1
    os.close(descriptor)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, *RELSYM], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "line",
    [
        '"$0" "$@" --help | head -1',
        '"$0" "$@" report --help | true',
        '"$0" "$@" completion bash | true',
        '"$0" "$@" --help >&-',
        '"$0" "$@" --help <&- >&- 2>&-',
    ],
)
def test_pipes_that_break_and_streams_that_are_closed_end_no_command(line):
    ended = shell(line)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", ["--help", "--version", "report --help"])
def test_a_full_disk_behind_the_output_is_one_message(words):
    ended = shell(f'"$0" "$@" {words} >/dev/full')
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith("relsym: error: standard output cannot be written: No space left")
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.slow  # a process of its own, with torch
def test_an_evaluation_without_its_reader_or_its_output_is_whole(tmp_path):
    words = "evaluate model=shortcut/majority tracking=csv data.test_pairs=8"
    for name, line in {
        "head": f'"$0" "$@" {words} hydra.run.dir={tmp_path}/head 2>&1 | head -1',
        "closed": f'"$0" "$@" {words} hydra.run.dir={tmp_path}/closed >&- 2>&-',
    }.items():
        ended = shell(line)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (tmp_path / name / "results.json").exists()


# --- the folder, and files


@pytest.mark.parametrize(
    "words", [*((command,) for command in SCHEMAS), ("upgrade", "x"), ("train", "-m", "seed=0,1")]
)
def test_a_working_folder_that_is_gone_is_one_message_of_every_command(relsym, tmp_path, monkeypatch, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ended = relsym(*words)
    os.chdir(tmp_path)
    assert ended.code == (2 if words[0] == "check" else 1)
    assert ended.err.count("relsym: error: the folder in which this command was started is gone") == 1


def test_too_few_open_files_are_raised_or_refused(monkeypatch):
    limit = {"now": (20, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limit["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, new: limit.update(now=new))
    limits.check_open_files()
    assert limit["now"] == (1024, 4096)
    limit["now"] = (20, 100)
    limits.check_open_files()
    assert limit["now"] == (100, 100)
    limit["now"] = (20, 20)
    with pytest.raises(ValueError, match=r"may have 20 open files .*ulimit -n 1024"):
        limits.check_open_files()
    for now in ((256, 256), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        limit["now"] = now
        limits.check_open_files()
        assert limit["now"] == now


# --- what the system had no more of


def caused_by(cause: BaseException) -> BaseException:
    try:
        try:
            raise cause
        except type(cause) as first:
            raise RuntimeError("Failed to import a module") from first
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory does not suffice"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "ulimit -v"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), "data.batch_size"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "memory of the GPU"),
        (RuntimeError("std::bad_alloc"), "memory does not suffice"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory does not suffice"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "memory does not suffice"),
        (Exception("I/O error: Cannot allocate memory (os error 12)"), "memory does not suffice"),
        (caused_by(MemoryError()), "memory does not suffice"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (type("PanicException", (BaseException,), {})("could not spawn: ThreadPoolBuildError"), "ulimit -u"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n 1024"),
    ],
)
def test_a_shortage_is_named_with_what_to_do(error, words):
    message = describe(error)
    assert words in message
    assert "unexpected" not in message


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the server answered: CUDA out of memory"),
        ConnectionError("503: out of memory"),
        OSError(errno.ENOENT, "No such file"),
        KeyError("x"),
    ],
)
def test_other_errors_are_no_shortage(error):
    assert shortage(error) is None


# --- a user's own code

USERS_CODE = """
import sys

class Odd(BaseException):
    pass

def boom(): raise KeyError("x")
def refuses(): raise ValueError("no such margin")
def exits(): sys.exit(0)
def exits_with_text(): sys.exit("done")
def ends(): raise GeneratorExit
def odd(): raise Odd("strange")
def deep(): return deep()
def stops(): raise StopIteration
def in_a_package():
    import json
    json.loads("{")
def fills_the_disk(): raise OSError(28, "No space left on device", "/a/b")
def fills_the_memory(): raise MemoryError("mine")
def opens_too_much(): raise OSError(24, "Too many open files")
class Mute(Exception):
    def __str__(self): raise RuntimeError
class NoText(Exception):
    def __str__(self): return None
def mute(): raise Mute
def no_text(): raise NoText
"""


@pytest.fixture
def users_code(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(USERS_CODE)
    spec = importlib.util.spec_from_file_location("mine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("boom", "in boom: KeyError: 'x'"),
        ("refuses", "in refuses: ValueError: no such margin"),
        ("exits", "in exits: it left by sys.exit(0), so nothing is finished"),
        ("exits_with_text", "in exits_with_text: it left by sys.exit('done')"),
        ("ends", "in ends: GeneratorExit"),
        ("odd", "in odd: Odd: strange"),
        ("deep", "in deep: RecursionError"),
        ("stops", "in stops: StopIteration"),
        ("in_a_package", "in in_a_package: JSONDecodeError"),
        ("fills_the_disk", "in fills_the_disk: OSError: /a/b: no room to write it (No space left on device)"),
        ("fills_the_memory", "MemoryError: the memory does not suffice (mine). Have this code take less.\n"),
        ("opens_too_much", "in opens_too_much: OSError: too many open files"),
        ("mute", "in mute: Mute: (its message cannot be shown)"),
        ("no_text", "in no_text: NoText: (its message cannot be shown)"),
    ],
)
@pytest.mark.parametrize("full", ["0", "1"])
def test_whatever_a_users_own_code_raises_is_an_error_that_names_its_place(
    users_code, tmp_path, monkeypatch, capsys, name, words, full
):
    monkeypatch.setattr(sys, "argv", ["relsym"])
    monkeypatch.setenv("RELSYM_FULL_ERROR", full)
    task = guarded(lambda cfg: getattr(users_code, name)())
    with pytest.raises(BaseException) as raised:  # noqa: PT011  (with full tracebacks it is the error itself)
        run(lambda: task(OmegaConf.create({})))
    if full == "0":
        assert raised.value.code == 1
        assert f"relsym: error: {tmp_path}/mine.py, line " in (message := capsys.readouterr().err)
        assert words in message
    elif isinstance(raised.value, SystemExit):
        assert raised.value.code == 1
        assert "SystemExit" in capsys.readouterr().err


def test_a_function_that_leaves_by_sys_exit_leaves_no_results(relsym, users_code, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "answers.py").write_text("import sys\ndef leave(p, h): sys.exit(0)\n")
    out = tmp_path / "out"
    words = ("model=callable", "model.function=answers:leave", "tracking=csv", "data.test_pairs=8")
    ended = relsym("evaluate", *words, f"hydra.run.dir={out}")
    assert ended.code == 1
    assert "answers.py, line 2, in leave: it left by sys.exit(0)" in ended.err
    assert not (out / "results.json").exists()


def test_a_loss_that_raises_stop_iteration_does_not_end_the_epoch():
    def step(batch):
        raise StopIteration

    training_step = inspect.unwrap(Objective.training_step)  # without the check of types
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        training_step(SimpleNamespace(_step=step), None, 0)
