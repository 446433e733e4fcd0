"""One process at a time writes to a folder: the loser says so and changes nothing, whatever the command."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import lock_descriptor
from omegaconf import OmegaConf

from frozen_jobs import frozen_job
from relsym.app.sweep import job
from relsym.runs import lock
from relsym.runs.layout import LOCK
from runs_of import write_run

TINY = ("model=tiny", "tracking=csv", "data.samples=8", "data.test_pairs=8")
ROWS = ("data.samples=8", "data.test_pairs=12")
# A command that takes a second or two, and the file that it writes last.
COMMANDS = {
    "train": (("train", *TINY, "training.max_steps=1"), "results.json"),
    "evaluate": (("evaluate", *TINY), "results.json"),
    "build": (("build", "benchmark.examples=28"), "manifest.json"),
    "check": (("check", "check.wording=false", "check.rules=[self_loop]"), "check.json"),
    "export": (("export", "task=rows", *ROWS), "export.json"),
    "report": (("report", "inputs=RUNS"), "report.html"),
}


@pytest.fixture(params=COMMANDS)
def command(request, tmp_path) -> tuple[list[str], Path, str]:
    """The words of a command, the folder that it writes to, and its last file."""
    words, last = COMMANDS[request.param]
    if request.param == "report":
        write_run(tmp_path / "runs" / "one", "knn", 16)
    folder = tmp_path / "out"
    named = [word.replace("RUNS", str(tmp_path / "runs")) for word in words]
    return [*named, f"hydra.run.dir={folder}"], folder, last


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_second_command_says_so_and_changes_nothing_and_the_lock_goes_with_the_first(
    command, relsym, occupied
):
    words, folder, last = command
    with occupied(folder):
        (folder / ".hydra").mkdir()
        (folder / ".hydra" / "overrides.yaml").write_text("- seed=1\n")
        (folder / f"{words[0]}.log").write_text("of the first\n")
        before = contents(folder)
        ended = relsym(*words)
        assert ended.code == (2 if words[0] == "check" else 1)
        assert ended.err.count("relsym: error:") == 1
        assert f"{folder}: another process writes there. Wait until it has ended" in ended.err
        assert "choose another hydra.run.dir" in ended.err
        assert contents(folder) == before
    if words[0] in ("train", "evaluate"):
        return  # a killed run is run again in tests/test_app.py
    # The first one was killed: its lock locks nothing any more, and is no stranger in the folder.
    (folder / ".hydra" / "overrides.yaml").unlink()
    (folder / ".hydra").rmdir()
    (folder / f"{words[0]}.log").unlink()
    assert [path.name for path in folder.iterdir()] == [LOCK]
    ended = relsym(*words)
    assert ended.code == 0, ended.err
    assert (folder / last).exists()
    assert not (folder / LOCK).exists()


def test_several_evaluations_hold_the_folder_above_theirs_and_each_its_own(relsym, occupied, tmp_path):
    words = ("evaluate", "-m", "model=shortcut/majority,shortcut/template_lookup", "tracking=csv", *ROWS[1:])
    where = f"hydra.sweep.dir={tmp_path / 'several'}"
    with occupied(tmp_path / "several"):
        ended = relsym(*words, where)
        assert f"{tmp_path / 'several'}: another process writes there" in ended.err
        assert [path.name for path in (tmp_path / "several").iterdir()] == [LOCK]
    with occupied(tmp_path / "several" / "1"):
        ended = relsym(*words, where)
        assert f"{tmp_path / 'several' / '1'}: another process writes there" in ended.err
    assert (tmp_path / "several" / "0" / "results.json").exists()
    assert not (tmp_path / "several" / "1" / "results.json").exists()
    assert relsym(*words, where).code == 0
    assert (tmp_path / "several" / "1" / "results.json").exists()
    assert not list((tmp_path / "several").rglob(LOCK))


def test_nothing_is_written_to_a_folder_of_several_evaluations_that_is_held_or_anothers(
    relsym, occupied, tmp_path
):
    """Hydra would write its log and ``.hydra`` before it says that a job begins."""
    words = ("evaluate", "-m", "model=shortcut/majority", "tracking=csv", *ROWS[1:])
    where = f"hydra.sweep.dir={tmp_path / 'several'}"
    job = tmp_path / "several" / "0"
    write_run(job, "knn", 16)  # a finished training
    (job / ".hydra").mkdir()
    (job / ".hydra" / "overrides.yaml").write_text("- seed=1\n")
    before = contents(job)
    ended = relsym(*words, where)
    assert f"{job} holds a finished run" in ended.err
    assert contents(job) == before
    (job / "results.json").unlink()
    with occupied(job):
        before = contents(job)
        assert f"{job}: another process writes there" in relsym(*words, where).err
        assert contents(job) == before


@pytest.mark.parametrize("word", ["hydra.job.name=../other/log", "hydra.output_subdir=../other/hydra"])
@pytest.mark.parametrize("command", ["evaluate", "report", "train", "several", "job"])
def test_no_name_leads_out_of_the_folder_that_is_held(relsym, tmp_path, command, word):
    (tmp_path / "other").mkdir()
    several = ("evaluate", "-m", *ROWS, f"hydra.sweep.dir={tmp_path / 'out'}")
    words = {
        "several": (*several, word),
        # What a job is called is known once it has its number.
        "job": (*several, f"{word}${{hydra.job.num}}"),
    }.get(command, (command, word, f"hydra.run.dir={tmp_path / 'out'}"))
    ended = relsym(*words)
    assert ended.code == 1
    assert f"{word}{'0' if command == 'job' else ''}: this names what lies in the run's folder" in ended.err
    assert not (tmp_path / "out" / "0").exists()
    assert command == "job" or not (tmp_path / "out").exists()
    assert list((tmp_path / "other").iterdir()) == []


def test_a_job_of_a_sweep_holds_its_folder_too(occupied, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(job, "PATIENCE_S", 0)
    frozen = frozen_job(tmp_path, 0)
    with occupied(frozen.folder):
        assert job.ended(str(frozen.frozen), OmegaConf.load(frozen.frozen)) == 1
    assert f"{frozen.folder}: another process writes there" in capfd.readouterr().err
    assert [path.name for path in frozen.folder.iterdir()] == [LOCK]


@pytest.mark.slow
def test_further_ranks_of_a_training_leave_the_folder_to_the_first(shell, quick, occupied, tmp_path):
    """A rank that is alone waits for the others; here a check ends it before that."""
    with occupied(tmp_path / "run"):
        words = (sys.executable, "-m", "relsym.app.train", *quick, "init=nowhere")
        rank = shell(*words, LOCAL_RANK="1")
        first = shell(*words)
    assert "another process writes there" in first.err
    assert rank.code == 1
    assert "init" in rank.err
    assert "another process writes there" not in rank.err
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from relsym.runs.lock import hold; "
        "hold(Path(sys.argv[1]), 'x'); print('held', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "out")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(lock.FolderInUse, match="choose another place"):
            lock.hold(tmp_path / "out", "place")
        with pytest.raises(lock.FolderInUse, match="or end it, then run this again"):
            lock.check_at_rest(tmp_path / "out")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / "out" / LOCK).exists()
    lock.check_at_rest(tmp_path / "out")
    with lock.holding(tmp_path / "out", "place"):
        assert (tmp_path / "out" / LOCK).exists()
    assert not (tmp_path / "out" / LOCK).exists()


def test_a_process_that_holds_a_folder_may_hold_it_again_and_releases_it_once(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with lock.holding(tmp_path / "out", "place"):
        with lock.holding(tmp_path / "link", "place"):
            pass
        assert (tmp_path / "out" / LOCK).exists()


def test_who_waited_for_a_file_that_was_removed_locks_the_one_that_is_there(tmp_path):
    """Of many that wait, each opened the file of an earlier one: never two hold the folder at once."""
    inside, most, entered = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, entered
        for _ in range(40):
            with lock.one_at_a_time(tmp_path / "it.lock", "works"):
                inside += 1
                most = max(most, inside)
                entered += 1
                inside -= 1

    lock_pause, lock.PAUSE_S = lock.PAUSE_S, 0
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lock.PAUSE_S = lock_pause
    assert (most, entered) == (1, 160)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_was_removed_and_made_anew_by_another_is_not_removed(tmp_path):
    with lock.holding(tmp_path, "place"):
        (tmp_path / LOCK).unlink()
        (tmp_path / LOCK).write_text("another's")
    assert (tmp_path / LOCK).read_text() == "another's"


def test_a_file_system_without_locks_is_a_warning_and_leaves_no_file(tmp_path, monkeypatch, caplog):
    def refuse(descriptor: int, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "lock_descriptor", refuse)
    with lock.holding(tmp_path / "out", "place"):
        assert "this file system has no locks (No locks available)" in caplog.text
        assert list((tmp_path / "out").iterdir()) == []
    with lock.one_at_a_time(tmp_path / "it.lock", "works"):
        pass
    lock.check_at_rest(tmp_path)


def test_a_folder_that_cannot_be_written_names_the_option(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"out: cannot write there .*Choose another hydra\.run\.dir"):
        lock.hold(tmp_path / "file" / "out", "hydra.run.dir")


def test_looking_whether_a_folder_is_at_rest_writes_nothing(tmp_path, occupied):
    lock.check_at_rest(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with occupied(tmp_path):
        (tmp_path / LOCK).chmod(0o444)
        with pytest.raises(lock.FolderInUse):
            lock.check_at_rest(tmp_path)
    with open(tmp_path / LOCK, "rb") as stream:
        assert lock_descriptor(stream.fileno(), blocking=False)
