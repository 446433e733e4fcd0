"""Signals whose exceptions are lost in other libraries' code."""

from __future__ import annotations

import sys
import time

import pytest

from frozen_jobs import frozen_job

BEGIN = """
import os, signal, sys, time

from relsym.app.sweep import insist

insist.AGAIN_S = 0.2

def told(number, frame):
    raise TimeoutError("the time is up")

signal.signal(signal.SIGUSR2, insist.insisting(told))

def warn():
    os.kill(os.getpid(), signal.SIGUSR2)
"""

ON_A_NODE = """
import signal, sys

from submitit.core.utils import UncompletedJobError

from relsym.app.sweep.slurm import run_on_node

def submitits(number, frame):
    raise UncompletedJobError("timed-out and not checkpointable")

signal.signal(signal.SIGUSR2, submitits)
run_on_node(sys.argv[1])
"""


@pytest.fixture
def script(shell):
    """A script that can ``warn()`` itself, in a process of its own."""

    def call(lines: str):
        return shell(sys.executable, "-c", BEGIN + lines, timeout=60)

    return call


@pytest.mark.parametrize(
    "lost",
    [
        "try:\n    warn()\nexcept Exception:\n    pass",
        "class Ends:\n    def __del__(self):\n        warn()\n\nEnds()",
        "for _ in range(3):\n    try:\n        warn()\n    except Exception:\n        time.sleep(0.5)",
    ],
    ids=["an import that may fail", "a finalizer", "again and again"],
)
def test_an_end_that_a_library_catches_is_raised_again(script, lost):
    began = time.monotonic()
    ended = script(f"{lost}\nprint('goes on', flush=True)\ntime.sleep(50)")
    assert time.monotonic() - began < 40
    assert ended.code == 1
    assert ended.out == "goes on\n"
    assert ended.err.rstrip().endswith("TimeoutError: the time is up")


def test_what_the_process_does_at_its_end_is_left_alone(script):
    ended = script(
        """
class Tracker:
    def __enter__(self): pass
    def __exit__(self, *end):
        time.sleep(0.7)
        try:
            raise KeyError("of its own")
        except KeyError:
            time.sleep(0.7)
        print("told")

try:
    with Tracker():
        try:
            warn()
        finally:
            time.sleep(0.7)
            print("cleaned")
except TimeoutError:
    time.sleep(0.7)
    print("caught")
    insist.content()
time.sleep(0.7)
print("over")
"""
    )
    assert (ended.code, ended.out) == (0, "cleaned\ntold\ncaught\nover\n"), ended.err


def test_an_error_of_the_end_itself_does_not_hide_what_it_ends_for(script):
    ended = script(
        """
try:
    try:
        warn()
    finally:
        raise SystemExit(3)
finally:
    time.sleep(0.7)
    print("waited")
"""
    )
    assert (ended.code, ended.out) == (3, "waited\n"), ended.err


def test_a_handler_that_raises_nothing_asks_nothing(script):
    ended = script(
        "signal.signal(signal.SIGUSR2, insist.insisting(lambda *_: print('noted')))\n"
        "warn()\ntime.sleep(0.7)\nprint(signal.getitimer(signal.ITIMER_REAL))"
    )
    assert (ended.code, ended.out) == (0, "noted\n(0.0, 0.0)\n"), ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("warning", "code", "words"),
    [
        ("SIGUSR2", 1, "relsym: error: SLURM's time limit of this job is near."),
        ("SIGTERM", 130, "relsym: interrupted."),
        ("SIGINT", 130, "relsym: interrupted."),
    ],
)
def test_a_job_whose_imports_catch_the_warning_ends_all_the_same(shell, tmp_path, warning, code, words):
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    job = frozen_job(tmp_path, 0, act="__import__('catches')")
    (tmp_path / "catches.py").write_text(
        "import os, signal, time\n\n"
        f"try:\n    os.kill(os.getpid(), signal.{warning})\nexcept BaseException:\n    pass\n"
        "time.sleep(100)\n"
    )
    ended = shell(sys.executable, "-c", ON_A_NODE, str(job.frozen), timeout=90, PYTHONPATH=str(tmp_path))
    log = (job.folder / "job.log").read_text()
    assert (ended.code, words in log) == (code, True), log + ended.err
