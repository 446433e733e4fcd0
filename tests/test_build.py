"""``relsym build`` and training on what it wrote."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import polars as pl
import pytest

from relsym.data.card import cell
from relsym.runs.manifest import read_manifest
from test_app import refused

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


@pytest.fixture
def build(relsym, tmp_path, triples_folder):
    def call(*overrides: str, out: str = "built"):
        return relsym(
            "build",
            "data=wikidata5m",
            f"data.folder={triples_folder}",
            *overrides,
            f"hydra.run.dir={tmp_path / out}",
        )

    return call


def test_a_build_leaves_parquet_a_manifest_and_a_card_and_says_what_it_did(build, tmp_path):
    ended = build("benchmark=contrast", "audit=warn")
    assert ended.code == 0, ended.err
    out = tmp_path / "built"
    assert {path.name for path in out.iterdir()} == {"data", "manifest.json", "README.md"}
    assert {path.name for path in (out / "data").iterdir()} == {
        "train.parquet",
        "validation.parquet",
        "test.parquet",
    }
    manifest = json.loads((out / "manifest.json").read_text())
    assert str(tmp_path) not in (out / "manifest.json").read_text() + (out / "README.md").read_text()
    told = ended.err + ended.out
    assert manifest["content_hash"] in told
    assert "336 statements read; left out: none. 336 facts kept" in told
    assert "same_text" in told
    assert "scaled down: " in told


def test_of_very_many_properties_the_kinds_are_told(relsym, tmp_path):
    ended = relsym("build", "benchmark=contrast", "data=relations", f"hydra.run.dir={tmp_path / 'built'}")
    assert ended.code == 0, ended.err
    manifest = json.loads((tmp_path / "built" / "manifest.json").read_text())
    asked = set().union(*manifest["counts"].values())
    kinds = Counter(manifest["relations"][property]["kind"] for property in asked)
    for kind, properties in kinds.items():
        of_kind = [name for name in asked if manifest["relations"][name]["kind"] == kind]
        rows = sum(manifest["counts"]["train"].get(name, 0) for name in of_kind)
        assert re.search(rf"{kind} +│ +{properties} │ +{rows:,} │", ended.out)
    assert (
        f"{len(manifest['relations']) - len(asked):,} further properties of the table have no row"
        in ended.out
    )
    assert "food_competitor" not in ended.out


def test_train_scores_a_built_benchmark_with_the_keys_of_any_other_run_and_its_groups(
    build, relsym, quick, tmp_path
):
    assert build("benchmark=contrast").code == 0
    assert relsym("train", *quick, f"hydra.run.dir={tmp_path / 'plain'}").code == 0
    ended = relsym("train", *quick, "data=built", f"data.folder={tmp_path / 'built'}", "data.test_pairs=56")
    assert ended.code == 0, ended.err
    plain, built = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("plain", "run"))
    assert built.keys() == plain.keys()
    scheme = {key for key in plain["metrics"] if key.count("/") == 2}
    assert scheme <= built["metrics"].keys()
    assert (
        built["benchmark"]["content_hash"] == read_manifest(tmp_path / "built" / "manifest.json").content_hash
    )
    assert built["rows"] == {"lexicalised": 56, "delexicalised": 56}
    assert built["train_rows"] == 8
    for reader in ("test/groups", "shortcut/template_lookup_groups"):
        kinds = [built["metrics"][f"{reader}/lexicalised/{kind}"] for kind in ("symmetric", "antisymmetric")]
        assert built["metrics"][f"{reader}/lexicalised"] == min(kinds)
    assert built["intervals"]["test/groups/lexicalised/symmetric"]["rows"] == 4
    assert "test/accuracy/lexicalised/negated_swap" in built["metrics"]
    assert "the worse kind first" in ended.out
    predictions = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert {"fact_id", "kind", "variant", "prediction", "correct"} <= set(predictions.columns)
    report = relsym("report", f"inputs={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'report'}")
    assert report.code == 0, report.err
    assert ", built contrast " in (tmp_path / "report" / "report.md").read_text()
    assert "Group accuracy in %" in (tmp_path / "report" / "report.md").read_text()


@pytest.mark.slow
def test_a_fold_is_trained_on_the_rest_and_scored_on_what_it_holds_out(build, relsym, quick, tmp_path):
    assert build("benchmark=held_out").code == 0
    on = ("data=built", f"data.folder={tmp_path / 'built'}")
    ended = relsym("train", *quick, *on, "data.fold=fixed", "data.test_pairs=16")
    assert ended.code == 0, ended.err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {
        key.rsplit("/", 1)[1] for key in results["intervals"] if key.startswith("test/accuracy/lexicalised/")
    } == {"P3373", "P460", "P22", "P25"}
    assert results["benchmark"]["sides"] == "grouped, seed 0, held out P3373 P460 P22 P25"
    assert results["metrics"]["shortcut/majority_macro/lexicalised"] == 0.5
    assert "held-out properties" in ended.out
    assert relsym("train", *quick, *on, "data.fold=loo-P131", f"hydra.run.dir={tmp_path / 'one'}").code == 0
    # What one fold holds out, another has trained on.
    again = relsym(
        "train",
        *quick,
        *on,
        "data.fold=loo-P131",
        f"init={tmp_path / 'run'}",
        f"hydra.run.dir={tmp_path / 'next'}",
    )
    refused(again, "Use the same split, seed and fold", tmp_path / "next")
    refused(
        relsym("train", *quick, *on, "data.fold=loo", f"hydra.run.dir={tmp_path / 'x'}"),
        "data.fold=loo: the benchmark has fixed, loo-P1382",
    )
    refused(
        relsym(
            "train",
            *quick,
            *on,
            "data.fold=fixed",
            "data.properties=[P3373,P131]",
            f"hydra.run.dir={tmp_path / 'z'}",
        ),
        "holds out P460, P22, P25, which",
    )
    refused(
        relsym(
            "train",
            *quick,
            *on,
            "data.fold=templates",
            "data.train_variants=[swap,reworded_swap]",
            f"hydra.run.dir={tmp_path / 'v'}",
        ),
        "reworded_swap is what this fold holds out",
    )
    refused(
        relsym("train", *quick, *on, "data.properties=[P131,P9999]", f"hydra.run.dir={tmp_path / 'u'}"),
        "unknown property P9999",
    )
    refused(
        relsym("train", *quick, "data.train_variants=[identity]", f"hydra.run.dir={tmp_path / 't'}"),
        "all training rows have the label entailment",
    )
    refused(
        relsym("train", *quick, *on, "data.score_variants=[converse]", f"hydra.run.dir={tmp_path / 'y'}"),
        "has no variant converse; it has swap, reworded_swap",
    )


def test_a_source_can_be_asked_for_groups_and_hold_out_relations_without_a_build(relsym, quick, tmp_path):
    ended = relsym(
        "train",
        *quick,
        "data.score_variants=[swap,negated_swap,identity]",
        "data.held_out=[P22,P3373]",
        "data.test_pairs=12",
    )
    assert ended.code == 0, ended.err
    metrics = json.loads((tmp_path / "run" / "results.json").read_text())["metrics"]
    assert "test/groups/delexicalised/antisymmetric" in metrics
    assert "test/macro/delexicalised" in metrics


def test_three_kinds_are_trained_and_scored(relsym, quick, tmp_path):
    rows = "".join(
        f"Q{2 * i}\t{p}\tQ{2 * i + 1}\n"
        for k, p in enumerate(("P47", "P36", "P737"))
        for i in range(100 * k + 1, 100 * k + 61)
    )
    (tmp_path / "triples.tsv").write_text("subject\tproperty\tobject\n" + rows)
    (tmp_path / "entities.tsv").write_text(
        "entity\tlabel\n" + "".join(f"Q{i}\tname {i}\n" for i in range(1, 700))
    )
    table = (
        "data=table",
        f"data.triples={tmp_path / 'triples.tsv'}",
        f"data.entities={tmp_path / 'entities.tsv'}",
        "data.property_table=extended",
        "data.neutral=true",
    )
    ended = relsym("build", "benchmark=extended", *table, f"hydra.run.dir={tmp_path / 'built'}")
    assert ended.code == 0, ended.err
    ended = relsym(
        "train",
        *quick,
        "data=built",
        f"data.folder={tmp_path / 'built'}",
        "data.samples=12",
        "data.test_pairs=12",
    )
    assert ended.code == 0, ended.err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["labels"] == ["entailment", "contradiction", "neutral"]
    assert results["metrics"]["shortcut/majority/lexicalised"] == pytest.approx(1 / 3)


def test_a_table_of_the_users_own_properties_is_enough(relsym, quick, tmp_path):
    rows = [
        (f"/m/{i}", "/people/sibling" if i % 2 else "/people/parent", f"/m/{1000 + i}") for i in range(300)
    ]
    (tmp_path / "train.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
    (tmp_path / "mine.yaml").write_text(
        "/people/sibling: {name: sibling, kind: symmetric, template: '[X] is a sibling of [Y].'}\n"
        "/people/parent: {name: parent, kind: antisymmetric, template: '[X] has the parent [Y].'}\n"
    )
    words = (
        "data=table",
        f"data.triples={tmp_path / 'train.txt'}",
        f"data.properties={tmp_path / 'mine.yaml'}",
    )
    ended = relsym("build", *words, f"hydra.run.dir={tmp_path / 'built'}")
    assert ended.code == 0, ended.err
    rows = pl.read_parquet(tmp_path / "built" / "data" / "test.parquet")
    assert set(rows["property"]) == {"/people/sibling", "/people/parent"}
    # Without labels, ids stand in for them, and that is said: such rows are not lexicalised.
    assert rows["premise"][0] == rows["premise_delex"][0]
    assert "no labels, so that entities are named by their ids" in ended.out + ended.err
    manifest = json.loads((tmp_path / "built" / "manifest.json").read_text())
    assert manifest["source"]["labelled"] is False
    told = (tmp_path / "built" / "README.md").read_text()
    assert "in one form, with ids (delexicalised): the source has no labels" in told
    # Nor is it Wikidata.
    assert "Wikidata" not in told
    assert "- The source's biases:" in told
    assert "one that the property table says to be so" in told
    ended = relsym("train", *quick, "data=built", f"data.folder={tmp_path / 'built'}")
    assert ended.code == 0, ended.err
    assert "was built from a source without labels" in ended.out + ended.err
    assert "│ /people/sibling" in ended.out
    assert set(json.loads((tmp_path / "run" / "results.json").read_text())["rows"]) == {"delexicalised"}
    refused(
        relsym("build", "benchmark=contrast", *words, f"hydra.run.dir={tmp_path / 'other'}"),
        "property /people/sibling has no two paraphrases",
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=mnli"], "data=mnli is no source of triples"),
        (["data=built", "data.folder=x"], "data=built is no source of triples"),
        (["benchmark.variants=[swop]"], "no such variant: swop"),
        (["benchmark.examples=1"], "benchmark.examples=1: a number of at least 20"),
        (["benchmark.examples=abc"], "benchmark.examples=abc: expected a whole number"),
        (["benchmark.variants=[]"], "name at least one, and none twice"),
        (["benchmark.variants=[swap,swap]"], "name at least one, and none twice"),
        (["seed=abc"], "seed=abc: expected a whole number"),
        (["data.split_seed=abc"], "data.split_seed=abc: expected a whole number"),
        (["data.findings.duplicate=keep"], "data.findings.duplicate=keep: expected drop"),
        (["data.properties=a.yaml", "data.property_table=b.yaml"], "name one table, not two"),
        (["data.neutral=true", "data.property_table=extended"], "leave data.neutral=false"),
        (["data.findings.same_label=merge"], "data.findings.same_label=merge: expected drop or keep"),
        (["audit=lax"], "audit=lax: expected strict or warn"),
        (["data.held_out=[P131]"], "build benchmark=held_out and train with data.fold=NAME"),
        (["data.properties=[P131,P22]"], "no facts of kind symmetric"),
        (["data.property_table=nowhere.yaml"], "data.property_table=nowhere.yaml: no such file"),
        (["data.findings.typo=drop"], "data.findings.typo=drop: nothing reads this key"),
    ],
)
def test_bad_input_gets_one_clear_message(relsym, tmp_path, overrides, message):
    refused(relsym("build", *overrides, f"hydra.run.dir={tmp_path / 'built'}"), message)
    assert not (tmp_path / "built" / "manifest.json").exists()


def test_strict_fails_the_build_with_counts_and_examples(build, tmp_path, triples_folder):
    with open(triples_folder / "triples.tsv", "a") as file:
        file.write("Q1\tP131\tQ1\n" * 7)
    ended = build("audit=strict")
    refused(ended, "same_entity: 7")
    assert ended.err.count("P131: Q1 ('name 1') -> Q1 ('name 1')") == 5
    assert not (tmp_path / "built" / "manifest.json").exists()
    assert build("audit=strict", "data.findings.same_entity=drop", out="next").code == 0


def test_a_finished_benchmark_and_foreign_files_are_not_written_over(build, tmp_path):
    assert build().code == 0
    before = (tmp_path / "built" / "manifest.json").read_bytes()
    refused(build("seed=1"), "holds a finished benchmark")
    assert (tmp_path / "built" / "manifest.json").read_bytes() == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    refused(build(out="other"), "files that no build left: thesis.txt")


def test_the_users_own_data_folder_and_readme_are_left_alone(build, tmp_path):
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "rows.csv").write_text("mine")
    (tmp_path / "mine" / "README.md").write_text("mine too")
    refused(build(out="mine"), "files that no build left: README.md, data")
    assert (tmp_path / "mine" / "data" / "rows.csv").read_text() == (
        tmp_path / "mine" / "README.md"
    ).read_text().removesuffix(" too")


def test_names_with_brackets_and_markup_are_shown_and_escaped(build, tmp_path, triples_folder):
    with open(triples_folder / "triples.tsv", "a") as file:
        file.write("Q8001\tP131\tQ8002\n")
    with open(triples_folder / "entities.tsv", "a") as file:
        file.write("Q8001\t[red]<script>|[/b]\nQ8002\t[red]<script>|[/b]\n")
    ended = build()
    assert ended.code == 0, ended.err
    assert "[red]<script>|[/b]" in ended.out.replace("\n", "")
    assert cell("[red]<script>|\n# x `c`") == "&#91;red&#93;&#60;script&#62;&#124; # x &#96;c&#96;"
    assert cell("_a_ b_c ~~d~~ *e* $f$ http://g www.h \x1b\u202e") == (
        "&#95;a&#95; b_c &#126;&#126;d&#126;&#126; &#42;e&#42; &#36;f&#36; http&#58;//g www&#46;h "
        "&#92;x1b&#92;u202e"
    )


def test_a_build_that_was_stopped_while_writing_leaves_no_benchmark_and_can_be_run_again(
    build, relsym, quick, tmp_path, monkeypatch
):
    whole = pl.DataFrame.write_parquet
    calls = []

    def stopped(frame, path, **options):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        whole(frame, path, **options)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", stopped)
    assert build().code == 130
    assert not (tmp_path / "built" / "manifest.json").exists()
    refused(
        relsym("train", *quick, "data=built", f"data.folder={tmp_path / 'built'}"), "so no finished benchmark"
    )
    monkeypatch.setattr(pl.DataFrame, "write_parquet", whole)
    assert build().code == 0
    assert build(out="fresh").code == 0
    for name in ("manifest.json", "README.md", "data/train.parquet"):
        assert (tmp_path / "built" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_a_build_that_was_killed_can_be_run_again(tmp_path, triples_folder, build):
    triples = (triples_folder / "triples.tsv").read_text()
    (triples_folder / "triples.tsv").unlink()
    os.mkfifo(triples_folder / "triples.tsv")  # the reader waits for a writer, which never comes
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "relsym",
            "build",
            "data=wikidata5m",
            f"data.folder={triples_folder}",
            f"hydra.run.dir={tmp_path / 'built'}",
        ],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "built").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()
    assert {path.name for path in (tmp_path / "built").iterdir()} <= {"relsym.lock"}
    for name in ("partial.data", "data"):  # what a kill in the middle of writing leaves
        (tmp_path / "built" / name).mkdir()
    (tmp_path / "built" / "partial.manifest.json").touch()
    (triples_folder / "triples.tsv").unlink()
    (triples_folder / "triples.tsv").write_text(triples)
    assert build().code == 0
    assert not (tmp_path / "built" / "partial.data").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"relsym": "9.9"}', "\xbc"])
def test_a_manifest_of_another_kind_is_refused(build, relsym, quick, tmp_path, content):
    assert build().code == 0
    (tmp_path / "built" / "manifest.json").write_text(content, encoding="latin-1")
    refused(
        relsym("train", *quick, "data=built", f"data.folder={tmp_path / 'built'}"),
        "Build the benchmark again",
    )


def test_a_full_disk_is_one_clear_message_and_leaves_no_benchmark(shell, tmp_path, triples_folder):
    # A limit on the size of a file stands in for a disk that fills: the kernel refuses to write on.
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "from relsym.app.cli import main; main()"
    )
    # Under such a limit Python itself would leave half of the bytecode that it compiles.
    ended = shell(
        sys.executable,
        "-c",
        limited,
        "build",
        "data=wikidata5m",
        f"data.folder={triples_folder}",
        f"hydra.run.dir={tmp_path / 'built'}",
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert ended.code == 1
    assert "relsym: error:" in ended.err
    assert "File too large" in ended.err
    assert "Traceback" not in ended.err
    assert "Make room" in ended.err or "File too large" in ended.err
    assert {path.name for path in (tmp_path / "built").iterdir()} <= {"partial.manifest.json"}
