"""Trackers: all show the same, W&B ends as the run did, and none is the reason why a run fails."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import wandb
from matplotlib.figure import Figure

from relsym.app.tracking import tracker as tracking
from relsym.app.tracking import view
from relsym.app.tracking import wandb as wandb_run
from relsym.app.train import steps as training
from relsym.report.one_run.figure import MOST_ROWS, SHOWN_COLUMNS, Bars, properties_figure, worst_rows

KEY = "0123456789abcdef0123456789abcdef01234567"
# Kills W&B's service when the training starts.
KILLS = """
import os, signal, time
from pathlib import Path
from relsym.app import entry
from relsym.app.train import __main__ as train
from relsym.app.train import steps as training
fit = training.run_trainer
def fit_and_kill(*args):
    children = set()
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        children.update(path.read_text().split())
    (service,) = [int(pid) for pid in children if "wandb-core" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(service, signal.SIGKILL)
    time.sleep(0.5)
    fit(*args)
training.run_trainer = fit_and_kill
entry.run(train.main)
"""
LONG = (
    "training.max_steps=-1",
    "training.epochs=100000",
    "training.patience=100000",
    "training.stop_loss=0",
    "data.samples=8",
)
DIVERGES = ("objective.learning_rate=1e30", "training.gradient_clip=null", "training.max_steps=6")
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


@pytest.fixture(autouse=True)
def _a_wandb_of_its_own(monkeypatch, tmp_path):
    """No variable of the user's, and none of an earlier test's."""
    of_wandb = [name for name in os.environ if name.startswith("WANDB_")]
    for name in of_wandb:
        monkeypatch.delenv(name)
    # A run sets these. They are set here first, so that monkeypatch takes back what the run leaves.
    for name in ("WANDB_MODE", "WANDB_SILENT", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", "/dev/null")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    wandb.teardown()


class Server(ThreadingHTTPServer):
    """Answers every request in one way and counts them."""

    def __init__(self, status: int | None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.asked, self.over = status, [], threading.Event()


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        if self.server.status is None:
            self.server.over.wait(60)
            return
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b'{"errors": [{"message": "user is not logged in"}]}')

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(request, monkeypatch):
    with Server(request.param) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{running.server_address[1]}")
        yield running
        running.over.set()
        running.shutdown()


def inspect(run: Path, *words: str) -> str:
    """What ``wandb leet inspect --json`` says of the only W&B run in a run folder."""
    (folder,) = (run / "wandb").glob("offline-run-*")
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *words, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def summary(run: Path) -> dict:
    return json.loads(inspect(run, "--summary"))


def records(run: Path, kind: str) -> list[dict]:
    lines = map(json.loads, inspect(run).splitlines())
    return [line[kind] for line in lines if line["type"] == kind]


def rows_of_wandb(run: Path) -> set[tuple[str, int, float]]:
    """(key, step, value) of all numbers but W&B's own and those of table and figure."""
    rows = set()
    for record in records(run, "history"):
        item = record["item"]
        for key, value in item.items():
            of_wandb = key.startswith(("_", "trainer/"))
            of_media = "by_property." in key or "worst_property." in key
            if isinstance(value, int | float) and not of_wandb and not of_media:
                rows.add((key, item["trainer/global_step"], float(np.float32(value))))
    return rows


def rows_of_csv(run: Path) -> set[tuple[str, int, float]]:
    with open(run / "csv" / "metrics.csv", newline="") as stream:
        lines = list(csv.DictReader(stream))
    rows = set()
    for line in lines:
        for key, value in line.items():
            if value and key != "step":
                rows.add((key, int(line["step"]), float(np.float32(value))))
    return rows


def rows_of_tensorboard(run: Path) -> set[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    rows = set()
    for key in events.Tags()["scalars"]:
        for event in events.Scalars(key):
            rows.add((key, event.step, event.value))
    return rows


def raising(error: BaseException) -> Callable[..., None]:
    """A function that takes anything and raises the error."""

    def fail(*args: object, **named: object) -> None:
        raise error

    return fail


# --- the same in all of them


@pytest.mark.slow
def test_all_trackers_hold_the_same_curves_and_scores_and_none_changes_the_run(relsym, quick, tmp_path):
    pytest.importorskip("tensorboard")
    readers = {"csv": rows_of_csv, "tensorboard": rows_of_tensorboard, "wandb": rows_of_wandb}
    rows, results = {}, {}
    for tracker, read in readers.items():
        ended = relsym(
            "train",
            *quick,
            f"tracking={tracker}",
            "training.max_steps=4",
            "data.samples=20",
            f"hydra.run.dir={tmp_path / tracker}",
        )
        assert ended.code == 0, ended.err
        rows[tracker] = read(tmp_path / tracker)
        results[tracker] = json.loads((tmp_path / tracker / "results.json").read_text())
    assert rows["csv"] == rows["tensorboard"] == rows["wandb"]
    keys = {key for key, _, _ in rows["csv"]}
    assert keys >= {
        "train/loss",
        "train/loss_step",
        "train/learning_rate",
        "train/accuracy",
        "epoch",
        "test/accuracy/lexicalised",
    }
    metrics = results["csv"]["metrics"]
    assert results["tensorboard"]["metrics"] == metrics
    assert results["wandb"]["metrics"] == metrics
    assert results["wandb"]["job_hash"] == results["csv"]["job_hash"]
    at_the_end = {key for key, step, _ in rows["csv"] if step == 4}
    assert at_the_end == metrics.keys()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = EventAccumulator(str(tmp_path / "tensorboard" / "tensorboard")).Reload().Tags()
    assert "test/by_property" in tags["images"]
    assert any(tag.startswith("test/worst_property") for tag in tags["tensors"])


def test_curves_hold_every_steps_loss_and_the_rate_it_was_made_with(relsym, quick, tmp_path):
    ended = relsym(
        "train",
        *quick,
        "training.max_steps=8",
        "data.samples=32",
        "objective.warmup=0.25",
        "objective.learning_rate=0.008",
    )
    assert ended.code == 0, ended.err
    curves: dict[str, dict[int, float]] = {}
    for key, step, value in rows_of_csv(tmp_path / "run"):
        curves.setdefault(key, {})[step] = value
    rates = [curves["train/learning_rate"][step] for step in range(8)]
    rising = [0, 0.004, 0.008]
    falling = [0.008 * (6 - i) / 6 for i in range(1, 6)]
    assert rates == pytest.approx([*rising, *falling], rel=1e-5)
    steps = curves["train/loss_step"]
    assert sorted(steps) == list(range(8))
    # An epoch has two batches of 16.
    for end, loss in curves["train/loss"].items():
        assert loss == pytest.approx((steps[end - 1] + steps[end]) / 2, rel=1e-5)


# --- Weights & Biases


@pytest.mark.slow
def test_a_wandb_run_can_be_found_and_shows_what_the_record_holds(relsym, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    ended = relsym(
        "train",
        *quick,
        "tracking=wandb",
        "tracking.name=job 7",
        "tracking.group=table4-0123abcd",
        "tracking.tags=[mine]",
        "data.test_pairs=40",
    )
    assert ended.code == 0, ended.err
    run = tmp_path / "run"
    results = json.loads((run / "results.json").read_text())
    seen = summary(run)
    assert (seen["state"], seen["exit_code"], seen["name"]) == ("finished", 0, "job 7")
    assert set(seen["tags"]) == {"mine", "knn", "tiny", "mini"}
    (started,) = records(run, "run")
    assert started["run_group"] == "table4-0123abcd"
    assert seen["config"]["data"]["samples"] == 8
    assert seen["config"]["objective"]["margin"] == 0.5
    for key, value in results["metrics"].items():
        assert seen["summary"][key] == pytest.approx(value), key
    for part, key in (("seconds", "train"), ("seconds", "score"), ("memory", "peak_gib")):
        assert seen["summary"][f"{part}/{key}"] == results[part][key]
    assert seen["summary"]["epochs"] == results["epochs"]
    (table,) = (run / "wandb").glob("offline-run-*/files/media/table/test/*.json")
    content = json.loads(table.read_text())
    assert content["columns"] == list(SHOWN_COLUMNS)
    assert content["data"] == worst_rows(pq.read_table(run / "predictions.parquet").to_pydict())
    (figure,) = (run / "wandb").glob("offline-run-*/files/media/images/test/*.png")
    assert figure.stat().st_size > 5000
    (folder,) = (run / "wandb").glob("offline-run-*")
    assert f"wandb sync {os.path.relpath(folder)}" in ended.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 15
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert not (tmp_path / "home" / ".local").exists()  # the run folder is all that there is to sync


def test_a_tag_is_told_once_and_never_longer_than_wandb_takes(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_TAGS", "mine, of the shell,")
    tracker = wandb_run.wandb(str(tmp_path), "relsym", None, None, ["knn", "mine"])
    with tracking.tracked(tracker, {}, ["knn", "m" * 100, ""]):
        pass
    monkeypatch.delenv("WANDB_TAGS")  # the program that reads the run would refuse the empty one
    assert set(summary(tmp_path)["tags"]) == {"knn", "mine", "of the shell", "m" * 64}


def test_wandb_leaves_the_random_states_alone(tmp_path):
    # Not Python's own state, which beartype draws from when it checks containers in tests.
    def states() -> list[bytes]:
        return [np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()]

    before = states()
    begun = wandb_run.wandb(str(tmp_path), "relsym", None, None, [])
    with tracking.tracked(begun, {"seed": 0}, []) as tracker:
        tracker.log_metrics({"train/loss": 1.0}, step=0)
    assert states() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "error", "code"),
    [((), None, 0), (DIVERGES, None, 1), ((), KeyboardInterrupt, 130), ((), ValueError, 1)],
    ids=["ends", "diverges", "Ctrl-C", "fails in scoring"],
)
def test_wandb_records_the_runs_own_exit_code(relsym, quick, tmp_path, monkeypatch, overrides, error, code):
    if error is not None:
        monkeypatch.setattr(training, "score", raising(error("while scoring")))
    assert relsym("train", *quick, "tracking=wandb", *overrides).code == code
    (end,) = records(tmp_path / "run", "exit")
    assert end.get("exit_code", 0) == code
    assert (tmp_path / "run" / "results.json").exists() == (code == 0)


@pytest.mark.parametrize("server", [200], indirect=True)
def test_an_offline_run_sends_nothing_not_even_what_wandb_reports_on_itself(
    relsym, quick, monkeypatch, server
):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert relsym("train", *quick, "tracking=wandb").code == 0
    assert relsym("train", *quick, "tracking=wandb").code == 1  # the folder holds a finished run
    wandb.teardown()
    assert server.asked == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "key", "reason"),
    [
        (401, KEY, "not logged in"),
        (401, None, "no API key"),
        (401, "short", "API key must have 40"),
        (None, KEY, "context deadline exceeded"),
    ],
    indirect=["server"],
    ids=["wrong key", "no key", "no key of theirs", "no answer"],
)
def test_wandb_online_without_a_login_is_refused_before_the_training(
    relsym, quick, tmp_path, monkeypatch, server, key, reason
):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr(wandb_run, "START_S", 2.0)
    monkeypatch.setattr(training, "fit", lambda *args: pytest.fail("trained"))
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    ended = relsym("train", *quick, "tracking=wandb")
    assert ended.code == 1
    assert ended.err.count("relsym: error:") == 1
    for part in (reason, "WANDB_MODE=offline", "tracking=csv", "wandb login"):
        assert part in ended.err
    assert KEY not in ended.err + ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("tracker", ["wandb", "tensorboard"])
def test_a_tracker_that_fails_at_the_end_costs_the_run_nothing(relsym, quick, tmp_path, monkeypatch, tracker):
    monkeypatch.setattr(view, "properties_figure", raising(OSError(28, "No space left on device")))
    ended = relsym("train", *quick, f"tracking={tracker}")
    assert ended.code == 0, ended.err
    assert (tmp_path / "run" / "results.json").exists()
    assert "No space left on device" in ended.out + ended.err


def test_the_folder_of_a_missing_wandb_is_no_place_for_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(wandb, "init", raising(OSError(30, "Read-only file system")))
    tracker = wandb_run.wandb(str(tmp_path), "relsym", None, None, [])
    with (
        pytest.raises(ValueError, match=r"Read-only file system\. Use tracking=csv"),
        tracking.tracked(tracker, {}, []),
    ):
        pytest.fail("started")


OF_SHELL = {
    "WANDB_PROJECT": "shell",
    "WANDB_ENTITY": "shell",
    "WANDB_RUN_GROUP": "shell",
    "WANDB_NAME": "shell",
    "WANDB_DIR": "shell",
}
CHOSEN = {"project": "mine", "entity": "mine", "group": "mine", "name": "mine", "dir": "mine"}


@pytest.mark.parametrize(
    ("chosen", "shell", "job", "expected"),
    [
        ({}, {}, None, ("relsym", None, None, None, "RUN")),
        ({}, OF_SHELL, None, ("shell", "shell", "shell", "shell", "shell")),
        (CHOSEN, OF_SHELL, None, ("mine", "mine", "mine", "mine", "mine")),
        (CHOSEN, {}, None, ("mine", "mine", "mine", "mine", "mine")),
        ({}, dict.fromkeys(OF_SHELL, ""), None, ("relsym", None, None, None, "RUN")),
        ({}, {}, "003-knn", ("relsym", None, "sweep-0123", "003-knn", "RUN")),
        # A name for all jobs would be no name; a group for all of them is one.
        ({}, OF_SHELL, "003-knn", ("shell", "shell", "shell", "003-knn", "shell")),
        (CHOSEN, OF_SHELL, "003-knn", ("mine", "mine", "mine", "mine", "mine")),
    ],
    ids=["default", "shell", "both", "chosen", "empty", "job", "job and shell", "job and chosen"],
)
def test_an_override_beats_the_environment_and_that_the_default(monkeypatch, chosen, shell, job, expected):
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    tracker = wandb_run.wandb("RUN", **chosen, sweep="sweep-0123" if job else None, job=job)
    assert tracker.place == (*expected, job is not None)


@pytest.mark.parametrize(
    ("chosen", "shell", "disabled"),
    [
        (None, {}, False),
        (None, {"WANDB_DISABLED": "true"}, True),
        (None, {"WANDB_DISABLED": "False"}, False),
        (None, {"WANDB_MODE": "disabled"}, True),
        (False, {"WANDB_DISABLED": "true"}, False),
        (True, {"WANDB_DISABLED": "false"}, True),
    ],
)
def test_wandb_is_disabled_by_override_then_by_environment(monkeypatch, chosen, shell, disabled):
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    tracker = wandb_run.wandb("RUN", disabled=chosen)
    assert isinstance(tracker, tracking.NoTracker) == disabled


def test_a_switch_of_the_environment_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("WANDB_DISABLED", "perhaps")
    with pytest.raises(ValueError, match=r"WANDB_DISABLED=perhaps: expected true or false"):
        wandb_run.wandb("RUN")


def test_an_enabled_run_is_tracked_although_the_mode_says_disabled(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with tracking.tracked(wandb_run.wandb(str(tmp_path), disabled=False), {}, []) as tracker:
        assert tracker.tracked_run() is not None
    assert summary(tmp_path)["exit_code"] == 0


def test_no_variable_makes_one_run_of_the_jobs_of_a_sweep(tmp_path, monkeypatch):
    for name, value in (("WANDB_RUN_ID", "one"), ("WANDB_RESUME", "must"), ("WANDB_NAME", "shell")):
        monkeypatch.setenv(name, value)
    seen = []
    for job in ("000", "001"):
        folder = tmp_path / job
        with tracking.tracked(wandb_run.wandb(str(folder), sweep="s", job=job), {}, []) as tracker:
            seen.append(tracker.tracked_run().run_id)
        assert summary(folder)["name"] == job
    assert len({*seen, "one"}) == 3
    assert os.environ["WANDB_RUN_ID"] == "one"


def test_a_run_of_its_own_has_the_id_of_the_shell(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "one")
    with tracking.tracked(wandb_run.wandb(str(tmp_path)), {}, []) as tracker:
        assert tracker.tracked_run().run_id == "one"


def test_results_say_where_the_run_is_tracked_and_the_model_is_logged(relsym, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_ENTITY", "us")
    elsewhere = tmp_path / "elsewhere"
    words = ("tracking=wandb", "tracking.log_model=true", f"tracking.dir={elsewhere}")
    ended = relsym("train", *quick, *words)
    assert ended.code == 0, ended.err
    run = tmp_path / "run"
    tracked = json.loads((run / "results.json").read_text())["tracked"]
    (started,) = records(elsewhere, "run")
    assert tracked == {"project": "mine", "entity": "us", "run_id": started["run_id"], "url": None}
    assert (started["project"], started["entity"]) == ("mine", "us")
    assert not (run / "wandb").exists()
    (artifact,) = [one for one in records(elsewhere, "artifact") if one["type"] == "model"]
    logged = {entry["path"]: entry["local_path"] for entry in artifact["manifest"]["contents"]}
    expected = {"config.yaml", "results.json", "predictions.parquet", "probe.safetensors", "memory.parquet"}
    assert expected < logged.keys()
    assert "encoder/model.safetensors" in logged
    assert logged["results.json"] == str(run / "results.json")
    assert all(name in expected or name.startswith("encoder/") for name in logged)


def test_an_artifact_that_fails_costs_the_run_nothing(relsym, quick, tmp_path, monkeypatch):
    monkeypatch.setattr(wandb.Artifact, "add_dir", raising(OSError(28, "No space left on device")))
    ended = relsym("train", *quick, "tracking=wandb", "tracking.log_model=true")
    assert ended.code == 0, ended.err
    assert (tmp_path / "run" / "results.json").exists()
    assert "No space left on device" in ended.out + ended.err


@pytest.mark.slow
def test_an_evaluation_says_where_it_is_tracked(relsym, tmp_path):
    ended = relsym(
        "evaluate",
        "model=shortcut/majority",
        "data.test_pairs=40",
        "tracking.log_model=true",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert ended.code == 0, ended.err
    tracked = json.loads((tmp_path / "run" / "results.json").read_text())["tracked"]
    (started,) = records(tmp_path / "run", "run")
    assert tracked == {"project": "relsym", "entity": None, "run_id": started["run_id"], "url": None}
    kinds = [artifact["type"] for artifact in records(tmp_path / "run", "artifact")]
    assert "evaluation" in kinds


@pytest.mark.slow
def test_evaluations_of_one_call_are_runs_of_their_own(relsym, tmp_path, monkeypatch):
    for name, value in (("WANDB_RUN_ID", "one"), ("WANDB_NAME", "shell")):
        monkeypatch.setenv(name, value)
    sweep = tmp_path / "several"
    words = ("model=shortcut/majority", "data.test_pairs=40", "seed=0,1", f"hydra.sweep.dir={sweep}")
    ended = relsym("evaluate", "-m", *words)
    assert ended.code == 0, ended.err
    found = [json.loads((sweep / job / "results.json").read_text())["tracked"]["run_id"] for job in "01"]
    assert len({*found, "one"}) == 3
    assert [summary(sweep / job)["name"] for job in "01"] == ["0", "1"]


def test_the_url_of_a_run_holds_no_key(tmp_path):
    tracker = wandb_run.wandb(str(tmp_path))
    url = f"https://wandb.ai/us/mine/runs/7?apiKey={KEY}"
    tracker._experiment = SimpleNamespace(project="mine", entity="us", id="7", url=url)
    assert tracker.tracked_run().url == "https://wandb.ai/us/mine/runs/7"


def test_a_folder_for_wandb_that_cannot_be_made_is_refused_by_name(tmp_path):
    (tmp_path / "file").touch()
    tracker = wandb_run.wandb(str(tmp_path), dir=str(tmp_path / "file" / "below"))
    with pytest.raises(ValueError, match=r"below cannot be made"), tracking.tracked(tracker, {}, []):
        pytest.fail("started")


@pytest.mark.parametrize("words", [("tracking=none",), ("tracking=wandb", "tracking.disabled=true")])
def test_a_run_without_a_tracker_leaves_its_record_alone(relsym, quick, tmp_path, words):
    ended = relsym("train", *quick, *words, "training.keep=best", "training.max_steps=2")
    assert ended.code == 0, ended.err
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert "results.json" in names
    assert names.isdisjoint({"wandb", "csv", "tensorboard", "lightning_logs"})
    assert json.loads((tmp_path / "run" / "results.json").read_text())["tracked"] is None


@pytest.mark.parametrize(
    ("task", "word", "said"),
    [
        ("train", "tracking=null", "tracking=null: null is no option of tracking. tracking=none is"),
        ("train", "~tracking", "~tracking: no run is without an option of tracking. tracking=none is"),
        ("evaluate", "tracking=null", "tracking=none is"),
        ("evaluate", "~tracking", "tracking=none is"),
        ("train", "metric=null", "metric=null: null is no option of metric. Choose one, metric=NAME"),
        ("train", "~probe", "~probe: no run is without an option of probe. Choose one, probe=NAME"),
    ],
)
def test_a_group_that_is_taken_away_is_told_what_to_choose(relsym, tmp_path, task, word, said):
    ended = relsym(task, word, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 1
    assert said in ended.err


# --- real processes


def start(quick: tuple[str, ...], *overrides: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "relsym", "train", *quick, *overrides],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_curves(run: Path, process: subprocess.Popen) -> None:
    until = time.monotonic() + 100
    while time.monotonic() < until and process.poll() is None:
        files = list((run / "wandb").glob("offline-run-*/*.wandb"))
        if files and (summary(run)["step"] or 0) > 3:
            return
        time.sleep(0.5)
    raise AssertionError(process.communicate()[1])


@pytest.mark.slow
def test_an_interrupted_wandb_run_ends_with_the_code_of_an_interruption(quick, tmp_path):
    process = start(quick, "tracking=wandb", *LONG)
    try:
        wait_for_curves(tmp_path / "run", process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    seen = summary(tmp_path / "run")
    assert (seen["state"], seen["exit_code"]) == ("failed", 130)
    assert seen["summary"]["train/loss_step"] >= 0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "os._exit"])
def test_a_wandb_run_of_a_process_that_dies_is_never_shown_as_finished(quick, tmp_path, how):
    """It keeps the curves up to its last seconds and has no exit code; W&B calls such a run crashed."""
    if how == "killed":
        process = start(quick, "tracking=wandb", *LONG)
        wait_for_curves(tmp_path / "run", process)
        process.kill()
    else:
        dies = (
            "import os, sys, time; from relsym.app import entry; from relsym.app.train import __main__ as "
            "train, steps as training; sys.argv[0] = 'relsym'; "
            "training.score = lambda *a: (time.sleep(3), os._exit(0)); entry.run(train.main)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", dies, *quick, "tracking=wandb"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    process.communicate(timeout=100)
    time.sleep(1)
    seen = summary(tmp_path / "run")
    assert seen["exit_code"] is None
    assert seen["state"] == "running"
    assert seen["summary"]["train/loss_step"] >= 0
    assert not (tmp_path / "run" / "results.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find W&B's service")
def test_a_wandb_that_dies_costs_the_run_nothing(shell, quick, tmp_path):
    ended = shell(sys.executable, "-c", KILLS, *quick, "tracking=wandb")
    assert ended.code == 0, ended.err
    assert (tmp_path / "run" / "results.json").exists()
    assert (ended.out + ended.err).count("W&B failed (ConnectionResetError") == 1
    assert "Traceback" not in ended.err
    assert summary(tmp_path / "run")["exit_code"] is None


@pytest.mark.slow
def test_a_run_that_does_not_use_wandb_does_not_import_it(shell, quick):
    code = (
        "import sys; from relsym.app import entry; from relsym.app.train import __main__ as train; "
        "entry.run(train.main); assert 'wandb' not in sys.modules, 'imported'; print('free of it')"
    )
    ended = shell(sys.executable, "-c", code, *quick)
    assert ended.code == 0, ended.err
    assert "free of it" in ended.out


# --- table and figure


def predictions(*lines: tuple[str, str, bool]) -> dict[str, list]:
    """The columns of predictions: form, property and whether it is right of each line, the rest made up."""
    columns: dict[str, list] = {}
    for name in ("premise", "hypothesis", "label", "prediction"):
        columns[name] = [f"{name} {number}" for number in range(len(lines))]
    columns["form"] = [form for form, _, _ in lines]
    columns["property"] = [property for _, property, _ in lines]
    columns["correct"] = [correct for _, _, correct in lines]
    return columns


def test_the_worst_property_is_the_worst_of_the_form_scored_worst():
    table = predictions(
        ("a", "P1", False),
        ("a", "P2", True),
        ("a", "P2", True),
        ("b", "P1", False),
        ("b", "P1", True),
        ("b", "P2", False),
        ("b", "P2", False),
    )
    rows = worst_rows(table)
    assert [row[:3] for row in rows] == [["b", "P2", "premise 5"], ["b", "P2", "premise 6"]]


def test_errors_stand_first_in_the_table_and_it_ends_somewhere():
    table = predictions(*[("a", "P1", number % 2 == 0) for number in range(2 * MOST_ROWS)])
    rows = worst_rows(table)
    assert len(rows) == MOST_ROWS
    assert [row[2] for row in rows] == [f"premise {number}" for number in range(1, 2 * MOST_ROWS, 2)]
    few = worst_rows(predictions(("a", "P1", True), ("a", "P1", False)))
    assert [row[2] for row in few] == ["premise 1", "premise 0"]


def test_the_figure_shows_model_interval_and_shortcut_of_every_property_in_every_form():
    values = {"P1": 0.25, "a very long name of a property": 1.0}
    panel = Bars(
        "lexicalised",
        "majority",
        values,
        {"P1": 0.1, "a very long name of a property": 0.9},
        {"P1": 0.4, "a very long name of a property": 1.0},
        dict.fromkeys(values, 0.5),
    )
    figure = properties_figure("title", [panel, panel._replace(form="delexicalised")])
    assert isinstance(figure, Figure)
    left, right = figure.axes
    assert [patch.get_width() for patch in left.patches] == [25, 100]
    (intervals,) = left.collections
    assert intervals.get_segments()[0][:, 0].tolist() == pytest.approx([10, 40])
    (shortcut,) = [line for line in left.lines if line.get_marker() == "D"]
    assert list(shortcut.get_xdata()) == [50, 50]
    assert "majority" in shortcut.get_label()
    assert right.get_xlabel().endswith("delexicalised")
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["P1", "a very long na"]


def test_the_shortcut_beside_the_model_is_the_best_on_all_rows_of_the_form():
    from relsym.data.pairs import Row
    from relsym.evaluation.score import Scores

    rows = [Row(str(i), f"P{i % 2}", "lexicalised", "p", "h", "entailment") for i in range(6)]
    scores = Scores({"lexicalised": rows})
    for name, right in (("test/accuracy", 3), ("shortcut/a", 2), ("shortcut/b", 5)):
        scores.add(name, "lexicalised", ["entailment"] * right + ["contradiction"] * (6 - right))
    bars = view.panel(scores, "test/accuracy", "lexicalised")
    assert bars.shortcut == "b"
    assert bars.model == {"P0": pytest.approx(2 / 3), "P1": pytest.approx(1 / 3)}
    assert bars.beside == {"P0": 1.0, "P1": pytest.approx(2 / 3)}
    assert all(bars.low[name] < bars.model[name] < bars.high[name] for name in bars.model)


def test_names_reach_the_tracker_as_the_sweep_sets_them(relsym, quick, monkeypatch):
    seen = []

    def init(**words: object) -> None:
        seen.append(words)
        raise OSError("enough")

    monkeypatch.setattr(wandb, "init", init)
    relsym("train", *quick, "tracking=wandb", "tracking.name=j", "tracking.group=g", "tracking.project=p")
    assert SimpleNamespace(**seen[0]).name == "j"
    assert (seen[0]["group"], seen[0]["project"]) == ("g", "p")
