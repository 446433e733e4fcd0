"""Rows for other programs: what is exported is what relsym asks, word for word."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from relsym.app.export.harness import jinja, task_name, task_yaml
from relsym.data.pairs import FORMS, Row
from relsym.models.prompts import read_prompts

SIZE = ("data.samples=8", "data.test_pairs=12")


def loaded(path) -> dict:
    """A task's YAML with the function as text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def rendered(template: str, row: dict) -> str:
    """As the harness renders."""
    from jinja2 import BaseLoader, Environment, StrictUndefined

    return (
        Environment(loader=BaseLoader, undefined=StrictUndefined, keep_trailing_newline=True)
        .from_string(template)
        .render(**row)
    )


def test_rows_are_one_table_of_both_forms(relsym, tmp_path):
    out = tmp_path / "out"
    ended = relsym("export", "task=rows", *SIZE, f"hydra.run.dir={out}")
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "rows.parquet"]
    table = pl.read_parquet(out / "rows.parquet")
    assert table.columns == [
        "pair_id",
        "form",
        "premise",
        "hypothesis",
        "label",
        "property",
        "kind",
        "variant",
    ]
    assert table.group_by("form").len().sort("form").rows() == [("delexicalised", 12), ("lexicalised", 12)]
    assert table.select("pair_id", "form").n_unique() == 24
    record = json.loads((out / "export.json").read_text())
    assert record["rows"] == {"lexicalised": 12, "delexicalised": 12}
    assert len(record["content_hash"]) == len(record["rows_hash"]) == 64
    assert "model=predictions model.file=FILE" in ended.out


def answered(folder: Path) -> tuple[Path, dict[str, float]]:
    """A table of answers to the exported rows, and its accuracy by form: right, wrong, wrong, right ..."""
    rows = pl.read_parquet(folder / "rows.parquet")
    right, answers = {}, []
    for number, row in enumerate(rows.iter_rows(named=True)):
        is_right = number % 3 == 0
        right.setdefault(row["form"], []).append(is_right)
        others = [label for label in ("entailment", "contradiction") if label != row["label"]]
        answers.append(row["label"] if is_right else others[0])
    path = folder.parent / "answers.csv"
    rows.select("pair_id", "form", prediction=pl.Series(answers)).write_csv(path)
    return path, {form: sum(of_form) / len(of_form) for form, of_form in right.items()}


@pytest.mark.parametrize(
    "overrides",
    [
        ("forms=lexicalised",),
        ("data.score_on=validation", "forms=[delexicalised]", "seed=3"),
        ("data.split=paper", "data.score_variants=[swap,identity]", "data.properties=[P3373,P40]"),
        ("data=mnli", "forms=mnli", "data.samples=6", "data.test_pairs=9"),
    ],
    ids=lambda overrides: overrides[0],
)
def test_answers_to_exported_rows_are_scored_by_the_command_that_is_printed(
    relsym, tmp_path, mnli_folder, overrides
):
    folder = [f"data.folder={mnli_folder}"] if "data=mnli" in overrides else []
    out = tmp_path / "rows and more"
    ended = relsym("export", "task=rows", *SIZE, *folder, *overrides, f"hydra.run.dir='{out}'")
    assert ended.code == 0, ended.err
    table, accuracies = answered(out)
    _, _, command = ended.out.partition("relsym evaluate ")
    words = [word.replace("FILE", str(table)) for word in shlex.split(command)]
    ended = relsym("evaluate", *words, "tracking=csv", f"hydra.run.dir={tmp_path / 'evaluated'}")
    assert ended.code == 0, ended.err
    results = json.loads((tmp_path / "evaluated" / "results.json").read_text())
    exported = json.loads((out / "export.json").read_text())
    assert results["rows"] == exported["rows"]
    assert results["benchmark"]["rows_hash"] == exported["rows_hash"]
    for form, accuracy in accuracies.items():
        measured = results["metrics"][f"{exported['score_on']}/accuracy/{form}"]
        assert measured == pytest.approx(accuracy)
    shortcuts = [key for key in results["metrics"] if key.startswith("shortcut/majority/")]
    forms_of_shortcuts = [key.split("/")[2] for key in shortcuts]
    assert sorted(set(forms_of_shortcuts)) == sorted(accuracies)


def test_a_table_about_one_form_is_scored_as_such_and_the_other_form_is_said_to_be_missing(relsym, tmp_path):
    out = tmp_path / "out"
    size = (*SIZE, "tracking=csv")
    assert relsym("export", "task=rows", "forms=lexicalised", *SIZE, f"hydra.run.dir={out}").code == 0
    table, _ = answered(out)
    ask = ("evaluate", "model=predictions", f"model.file={table}", *size)
    ended = relsym(*ask, f"hydra.run.dir={tmp_path / 'one'}")
    assert ended.code == 0, ended.err
    assert "answers answers no row of the form delexicalised, which is not scored" in ended.out + ended.err
    assert json.loads((tmp_path / "one" / "results.json").read_text())["rows"] == {"lexicalised": 12}
    # Asked for both, the missing rows are missed; and no form is left out for some missing rows.
    both = relsym(*ask, "forms=[lexicalised,delexicalised]", f"hydra.run.dir={tmp_path / 'both'}")
    assert both.code == 1
    assert "12 rows have no line" in both.err
    pl.read_csv(table).head(11).write_csv(table)
    few = relsym(*ask, f"hydra.run.dir={tmp_path / 'few'}")
    assert few.code == 1
    assert "1 rows have no line" in few.err
    pl.read_csv(table).with_columns(form=pl.lit("other")).write_csv(table)
    none = relsym(*ask, f"hydra.run.dir={tmp_path / 'none'}")
    assert none.code == 1
    assert "24 rows have no line" in none.err


@pytest.mark.slow
def test_a_form_can_be_left_out_of_any_evaluation_and_changes_its_hash(relsym, tmp_path):
    hashes = {}
    for name, forms in (
        ("all", "null"),
        ("same", "null"),
        ("one", "delexicalised"),
        ("both", "[delexicalised]"),
    ):
        folder = tmp_path / name
        words = ("model=shortcut/word_order", f"forms={forms}", "tracking=csv", "validation_pairs=8")
        ended = relsym("evaluate", *words, *SIZE, f"hydra.run.dir={folder}")
        assert ended.code == 0, ended.err
        results = json.loads((folder / "results.json").read_text())
        hashes[name] = results["job_hash"]
        expected = {"lexicalised", "delexicalised"} if forms == "null" else {"delexicalised"}
        assert set(results["rows"]) == expected
        for rows in results["measured_rows"].values():
            assert set(rows) == expected
    assert hashes["all"] == hashes["same"] != hashes["one"]
    for forms, message in (("lexical", "There are lexicalised, delexicalised"), ("[]", "name at least one")):
        ended = relsym(
            "evaluate",
            "model=shortcut/majority",
            f"forms={forms}",
            "tracking=csv",
            f"hydra.run.dir={tmp_path / 'x'}",
        )
        assert ended.code == 1
        assert message in ended.err


def test_a_task_asks_word_for_word_what_we_ask(relsym, tmp_path):
    out = tmp_path / "out"
    ended = relsym("export", *SIZE, "shots=2", f"hydra.run.dir={out}")
    assert ended.code == 0, ended.err
    rows, examples = (pl.read_parquet(out / f"{name}.parquet") for name in ("rows", "examples"))
    labels = ["entailment", "contradiction"]
    assert (
        examples["label"].to_list()[:4] == labels * 2 or examples["label"].to_list()[:4] == labels[::-1] * 2
    )
    shots = [
        Row(**{name: line.get(name, "") for name in Row._fields}) for line in examples.head(2).to_dicts()
    ]
    for prompt in read_prompts():
        for form in FORMS:
            task = loaded(out / f"{task_name(prompt.name, form)}.yaml")
            assert task["doc_to_choice"] == list(prompt.words(labels).values())
            assert (task["num_fewshot"], task["fewshot_config"]) == (2, {"sampler": "first_n"})
            for line in rows.filter(form=form).to_dicts():
                text = "".join(
                    rendered(task["doc_to_text"], example)
                    + task["target_delimiter"]
                    + task["doc_to_choice"][labels.index(example["label"])]
                    + task["fewshot_delimiter"]
                    for example in examples.head(2).to_dicts()
                )
                assert text + rendered(task["doc_to_text"], line) == prompt.text_of(
                    shots, line["premise"], line["hypothesis"]
                )
                assert labels[int(rendered(task["doc_to_target"], line))] == line["label"]
    group = loaded(out / "relsym_lexicalised.yaml")
    assert group["task"] == [
        task_name(prompt.name, "lexicalised") for prompt in read_prompts() if not prompt.chat
    ]
    assert loaded(out / "relsym_chats_delexicalised.yaml")["task"] == [
        "relsym_chat_yes_no_delexicalised",
        "relsym_chat_true_false_delexicalised",
    ]
    assert group["metadata"]["content_hash"] == json.loads((out / "export.json").read_text())["content_hash"]


def test_the_loader_gives_the_rows_of_a_form_wherever_the_folder_lies(relsym, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    assert datasets
    assert relsym("export", *SIZE, "prompts=[yes_no]", f"hydra.run.dir={tmp_path / 'out'}").code == 0
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    monkeypatch.syspath_prepend(str(moved))
    monkeypatch.delitem(sys.modules, "rows", raising=False)
    import rows

    data = rows.load(**loaded(moved / "relsym_yes_no_delexicalised.yaml")["dataset_kwargs"], version=1.0)
    assert set(data["test"]["form"]) == {"delexicalised"}
    assert (len(data["test"]), len(data["examples"])) == (12, 8)
    monkeypatch.delitem(sys.modules, "rows")


def test_forms_and_wordings_are_chosen(relsym, tmp_path):
    out = tmp_path / "out"
    assert relsym("export", *SIZE, "forms=delexicalised", "prompts=[nli]", f"hydra.run.dir={out}").code == 0
    assert sorted(path.name for path in out.glob("*.yaml")) == [
        "relsym_delexicalised.yaml",
        "relsym_nli_delexicalised.yaml",
    ]
    assert set(pl.read_parquet(out / "rows.parquet")["form"]) == {"delexicalised"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("task=csv",), "task=csv: expected lm_eval or rows"),
        (("forms=[spoken]",), "spoken is no form of these rows. There are lexicalised, delexicalised"),
        (("prompts=[yes]",), "There are yes_no"),
        (("shots=-1",), "shots=-1: expected a whole number"),
        (("shots=9",), "Raise data.samples"),
        (("data.samples=many",), "data.samples=many: expected a whole number"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_nothing(relsym, tmp_path, overrides, message):
    ended = relsym("export", *SIZE, *overrides, f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 1
    assert message in ended.err
    assert list((tmp_path / "out").iterdir()) == []


def test_wordings_without_a_word_for_a_label_are_left_out_or_refused(relsym, tmp_path, mnli_folder):
    settings = ("data=mnli", f"data.folder={mnli_folder}", "data.samples=9", "data.test_pairs=9")
    ended = relsym("export", *settings, f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 0, ended.err
    assert (
        "the wordings yes_no, true_false, statement, chat_yes_no, chat_true_false are left out" in ended.out
    )
    assert len(list((tmp_path / "out").glob("relsym_nli_*.yaml"))) == 1
    ended = relsym("export", *settings, "prompts=[nli,yes_no]", f"hydra.run.dir={tmp_path / 'other'}")
    assert "prompts: yes_no has no answer for some of the labels" in ended.err


def test_other_peoples_files_and_finished_exports_are_left_alone(relsym, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    ended = relsym("export", "task=rows", *SIZE, f"hydra.run.dir={out}")
    assert "holds files that no export left: mine.txt" in ended.err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").unlink()
    (out / "partial.export.json").touch()
    (out / "relsym_old_lexicalised.yaml").write_text("left by one that was killed")
    assert relsym("export", "task=rows", *SIZE, f"hydra.run.dir={out}").code == 0
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "rows.parquet"]
    assert "holds a finished export" in relsym("export", "task=rows", *SIZE, f"hydra.run.dir={out}").err


def test_an_export_that_was_stopped_goes_on_beside_ones_own_files(relsym, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def full(path, rows):
        if path.name == "rows.parquet":
            (path.parent / "partial.rows.parquet").write_text("half")
            raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("relsym.app.export.steps._write_table", full)
        ended = relsym("export", "prompts=[yes_no,true_false]", *SIZE, f"hydra.run.dir={out}")
    assert "No space left" in ended.err
    # As it looks where it was stopped a little later.
    (out / "relsym_true_false_lexicalised.yaml").write_text("of the stopped export")
    for name in ("notes.txt", "relsym_mine.yaml", "partial.mine"):
        (out / name).write_text("mine")
    assert relsym("export", "prompts=[yes_no]", "forms=lexicalised", *SIZE, f"hydra.run.dir={out}").code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "examples.parquet",
        "export.json",
        "notes.txt",
        "partial.mine",
        "relsym_lexicalised.yaml",
        "relsym_mine.yaml",
        "relsym_yes_no_lexicalised.yaml",
        "rows.parquet",
        "rows.py",
    ]


def test_a_mark_that_names_what_lies_elsewhere_deletes_nothing_there(relsym, tmp_path):
    (tmp_path / "others.txt").write_text("others")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    names = ["..", "", ".", "../others.txt", str(tmp_path / "others.txt"), 3]
    (out / "partial.export.json").write_text(json.dumps(names))
    assert relsym("export", "task=rows", *SIZE, f"hydra.run.dir={out}").code == 0
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "notes.txt", "rows.parquet"]
    assert (tmp_path / "others.txt").read_text() == "others"


def test_two_exports_are_the_same_files(relsym, tmp_path):
    for name in ("one", "two"):
        assert relsym("export", *SIZE, f"hydra.run.dir={tmp_path / name}").code == 0
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")
    )
    assert one == two


def test_wordings_with_braces_of_their_own_stay_what_they_are():
    for text in ("{premise}\n{{%x%}} {{{{ {hypothesis} }}}} é{{#", "{premise}{hypothesis}\n"):
        assert rendered(jinja(text), {"premise": "P {{x}}.", "hypothesis": "H."}) == text.format(
            premise="P {{x}}.", hypothesis="H."
        )
    with pytest.raises(ValueError, match=r"Write \{premise\}"):
        jinja("{premise!r} {hypothesis}")
    (prompt,) = read_prompts("possible")
    assert "num_fewshot" not in task_yaml(prompt, "", ["neutral", "entailment"], 0, {})
    assert "doc_to_choice:\n- possible\n- certain\n" in task_yaml(
        prompt, "", ["neutral", "entailment"], 0, {}
    )


def harness_results(out, model: str, tasks: list[str], shots: int | None, chat: bool) -> dict:
    """lm-evaluation-harness on the exported folder, in fp32 on the CPU."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    return simple_evaluate(
        model="hf",
        model_args={"pretrained": model, "dtype": "float32"},
        tasks=tasks,
        num_fewshot=shots,
        device="cpu",
        task_manager=TaskManager(include_path=str(out), include_defaults=False),
        batch_size=16,
        log_samples=True,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
        bootstrap_iters=0,
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("shots", "exported", "names", "count"),
    [
        (0, 0, ["true_false", "two_words"], 100),
        (4, 4, ["question"], 40),  # four examples make each prompt five times as long
        (0, 0, ["chat_yes_no"], 10),
        (4, 0, ["chat_true_false"], 10),
    ],
)
def test_lm_evaluation_harness_gives_our_accuracy_and_our_likelihoods(
    relsym, tmp_path, monkeypatch, real_smollm2, shots, exported, names, count
):
    pytest.importorskip("lm_eval", reason='pip install ".[lm_eval]"')
    from relsym.models import smollm2
    from relsym.models.base import Examples

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    count = min(count, int(os.environ.get("RELSYM_HARNESS_ROWS", count)))
    wordings = {
        prompt.name: {"text": prompt.text, "answers": dict(prompt.answers), "chat": prompt.chat}
        for prompt in read_prompts()
    }
    wordings["two_words"] = {
        **wordings["true_false"],
        "answers": {"entailment": "quite certainly", "contradiction": "no, not so"},
    }
    chosen, out = tmp_path / "wordings.yaml", tmp_path / "out"
    chosen.write_text(yaml.safe_dump({name: wordings[name] for name in names}))
    ended = relsym(
        "export",
        f"prompts={chosen}",
        f"shots={exported}",
        "data.samples=8",
        f"data.test_pairs={count}",
        f"hydra.run.dir={out}",
    )
    assert ended.code == 0, ended.err
    rows, examples = (
        [
            Row(**{name: line.get(name, "") for name in Row._fields})
            for line in pl.read_parquet(out / f"{file}.parquet").to_dicts()
        ]
        for file in ("rows", "examples")
    )
    model = smollm2.load_smollm2(prompts=str(chosen), shots=shots)
    model.prepare(Examples(("entailment", "contradiction"), examples))
    columns = model.measure(rows)
    weights = str(smollm2.converted(real_smollm2, smollm2.SMOLLM2_SHA256))
    found = harness_results(
        out,
        weights,
        [task_name(name, form) for name in names for form in FORMS],
        None if exported else shots,
        names[0].startswith("chat"),
    )
    for name in names:
        for form in FORMS:
            task, places = (
                task_name(name, form),
                [place for place, row in enumerate(rows) if row.form == form],
            )
            assert len(found["samples"][task]) == len(places) == count
            for sample in found["samples"][task]:
                for (value, _), label in zip(
                    sample["filtered_resps"], ("entailment", "contradiction"), strict=True
                ):
                    assert float(value) == pytest.approx(
                        columns[f"{name}:{label}"][places[sample["doc_id"]]], abs=1e-3
                    )
            for reading, metric in ((name, "acc,none"), (f"{name}-normalised", "acc_norm,none")):
                labels = model.read(reading, form, columns).labels
                assert (
                    found["results"][task][metric]
                    == sum(labels[place] == rows[place].label for place in places) / count
                )
