"""A run handed on: ``save_pretrained``, ``from_pretrained``, ``push_to_hub``, and the card beside it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard
from huggingface_hub.errors import LocalEntryNotFoundError
from msgspec import structs

from frozen_jobs import trained
from relsym import SymmetryModel
from relsym.app import hub
from relsym.app.earlier_run import open_run
from relsym.report.model_card import model_card
from relsym.runs.results import read_results

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
PAIRS = [("A borders B.", "B borders A."), ("A is a parent of B.", "B is a parent of A.")]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("run") / "knn")


def test_what_was_saved_answers_as_the_run(run, tmp_path):
    model = SymmetryModel.load(run)
    model.save_pretrained(tmp_path / "saved")
    loaded = SymmetryModel.from_pretrained(tmp_path / "saved")
    assert loaded.predict(PAIRS) == model.predict(PAIRS)
    assert np.array_equal(loaded.encode(["a"]), model.encode(["a"]))
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {
        "README.md",
        "config.yaml",
        "encoder",
        "memory.parquet",
        "probe.safetensors",
        "results.json",
    }
    with pytest.raises(FileExistsError, match="is there already, and nothing is overwritten"):
        model.save_pretrained(tmp_path / "saved")


def test_the_card_says_what_the_record_says(run, tmp_path):
    SymmetryModel.load(run).save_pretrained(tmp_path / "saved")
    results = read_results(run / "results.json")
    card = ModelCard.load(tmp_path / "saved" / "README.md")
    assert card.data.library_name == "relsym"
    assert [score.metric_value for score in card.data.eval_results] == [
        round(results.accuracy(form), 4) for form in results.forms
    ]
    assert [score.dataset_revision for score in card.data.eval_results] == [
        results.benchmark.content_hash
    ] * 2
    for form in results.forms:
        interval = results.intervals[f"test/accuracy/{form}"]
        best = max(results.metrics[f"{key}/{form}"] for key in results.shortcuts)
        [line] = [line for line in card.text.splitlines() if line.startswith(f"| accuracy | {form} (")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[:2] == ["accuracy", f"{form} ({interval.rows})"]
        assert cells[2].startswith(f"{100 * interval.value:.2f} ")
        assert cells[4] == f"{100 * best:.2f}"
    assert results.benchmark.content_hash in card.text
    assert "SymmetryModel.from_pretrained('saved')" in card.text
    assert str(tmp_path) not in card.text


def test_a_run_that_went_on_names_the_encoder_that_the_first_run_began_with(run, tmp_path):
    first = shutil.copytree(run, tmp_path / "first")
    record = json.loads((first / "results.json").read_text(encoding="utf-8"))
    (first / "results.json").write_text(json.dumps(record | {"published": "owner/encoder"}), encoding="utf-8")
    earlier = open_run(str(first), (), "init")
    results = structs.replace(earlier.results, published=None, init=earlier.identity())
    assert results.began_with == "owner/encoder"
    assert ModelCard(model_card(results, "me/direction")).data.base_model == "owner/encoder"
    # And so does one that goes on from that.
    assert replace(earlier, results=results).identity().began_with == "owner/encoder"


def test_a_dry_run_writes_the_folder_and_uploads_nothing(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "HfApi", lambda: pytest.fail("asked the hub"))
    assert SymmetryModel.load(run).push_to_hub("me/direction", dry_run=True) == "me--direction"
    assert "SymmetryModel.from_pretrained('me/direction')" in Path("me--direction/README.md").read_text()
    assert SymmetryModel.from_pretrained("me--direction").predict(PAIRS)


class Hub:
    """The hub's two calls; what was uploaded is kept."""

    def __init__(self):
        self.calls = []

    def create_repo(self, name, private, exist_ok):
        self.calls.append((name, private, exist_ok))
        return f"https://huggingface.co/{name}"

    def upload_folder(self, folder_path, repo_id, commit_message, delete_patterns):
        assert delete_patterns == ["encoder/*", "labels/*", "memory.parquet", "low_rank.safetensors"]
        self.calls.append((repo_id, sorted(path.name for path in folder_path.iterdir())))


def test_a_run_is_uploaded_whole(run, monkeypatch):
    asked = Hub()
    monkeypatch.setattr(hub, "HfApi", lambda: asked)
    assert SymmetryModel.load(run).push_to_hub("me/direction") == "https://huggingface.co/me/direction"
    files = ["README.md", "config.yaml", "encoder", "memory.parquet", "probe.safetensors", "results.json"]
    assert asked.calls == [("me/direction", True, True), ("me/direction", files)]


def test_a_hub_that_refuses_is_told(run, monkeypatch):
    model = SymmetryModel.load(run)
    for name in ("a/b/c", "name", "me/"):
        with pytest.raises(ValueError, match=r"no name of a repository. Pass OWNER/NAME"):
            model.push_to_hub(name)
    # Nothing answers at this address.
    monkeypatch.setattr(hub, "HfApi", lambda: HfApi(endpoint="http://127.0.0.1:9", token="hf_none"))
    with pytest.raises(ValueError, match=r"me/direction: cannot be uploaded \(.*\). Run hf auth login first"):
        model.push_to_hub("me/direction")

    def refuse(*arguments, **options):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(ValueError, match=r"me/none: no folder, and not to be had from the hub \(offline\)"):
        SymmetryModel.from_pretrained("me/none")


def test_what_the_hub_has_is_fetched(run, tmp_path, monkeypatch):
    SymmetryModel.load(run).save_pretrained(tmp_path / "saved")
    asked = []

    def fetch(name, revision, allow_patterns):
        asked.append((name, revision, allow_patterns))
        return str(tmp_path / "saved")

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    assert SymmetryModel.from_pretrained("me/direction", revision="v1").predict(PAIRS)
    files = [
        "config.yaml",
        "results.json",
        "probe.safetensors",
        *hub.HANDED_ON_IF_THERE,
        "encoder/*",
        "labels/*.json",
    ]
    assert asked == [("me/direction", "v1", files)]


def test_nothing_that_is_no_part_of_the_run_is_handed_on(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    model = SymmetryModel.load(copy)
    (copy / "encoder" / ".env").write_text("TOKEN=secret")
    with pytest.raises(ValueError, match=r"\.env: no file that an encoder has"):
        model.save_pretrained(tmp_path / "saved")
    (copy / "encoder" / ".env").unlink()
    (tmp_path / "key.txt").write_text("secret")
    (copy / "encoder" / "vocab_more.txt").symlink_to(tmp_path / "key.txt")
    with pytest.raises(ValueError, match=r"vocab_more.txt: a link that leads out of the run's folder"):
        model.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_run_from_the_hubs_cache_is_handed_on_though_its_files_are_links(run, tmp_path):
    snapshot = tmp_path / "models--me--direction" / "snapshots" / "abc"
    shutil.copytree(run, snapshot)
    blobs = tmp_path / "models--me--direction" / "blobs"
    blobs.mkdir()
    shutil.move(snapshot / "probe.safetensors", blobs / "123")
    (snapshot / "probe.safetensors").symlink_to(blobs / "123")
    SymmetryModel.load(snapshot).save_pretrained(tmp_path / "saved")
    assert SymmetryModel.from_pretrained(tmp_path / "saved").predict(PAIRS)


def test_a_folder_has_no_revision(run):
    with pytest.raises(ValueError, match="a folder, which has no revision v1"):
        SymmetryModel.from_pretrained(run, revision="v1")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no finished run there"):
        SymmetryModel.from_pretrained(tmp_path)
