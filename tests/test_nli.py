"""Three-way NLI sets: whatever the format, the same rows; labels mean what their set says, or are refused."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from benchmarks_of import read_option
from relsym.data.nli import NliData
from relsym.data.sources.nli_labels import Meanings, checked_label_names

LABELS = ("entailment", "neutral", "contradiction")
HUB, GLUE, ANLI = (
    ("premise", "hypothesis", "label"),
    ("sentence1", "sentence2", "gold_label"),
    ("context", "hypothesis", "label"),
)
FORMATS = ("jsonl", "tsv", "csv", "parquet")
CLASSES = (
    "dataset_info:\n  features:\n  - {name: premise, dtype: string}\n  - {name: hypothesis, dtype: string}\n "
    " - name: label\n    dtype:\n"
    "      class_label:\n        names: {%s}\n"
)
THREE_CLASSES = CLASSES % "'0': entailment, '1': neutral, '2': contradiction"


def nli(data: str = "mnli", **changes) -> NliData:
    """The option, with ``data.KEY=value`` for each change, read."""
    keys = {"samples": None, "test_pairs": None} | changes
    words = [f"data.{key}={json.dumps(value)}" for key, value in keys.items()]
    return read_option("train", f"data={data}", *words)


def rows(count: int = 6, what: str = "train") -> list[tuple[str, str, str]]:
    return [(f'{what} "premise" {i // 3}, ä', f"{what} hypothesis {i}", LABELS[i % 3]) for i in range(count)]


def write(path: Path, said: list[tuple], names: tuple[str, ...] = HUB) -> Path:
    """Rows as a file, in the format its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pl.DataFrame(said, schema=list(names), orient="row").write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text(
            "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in said), encoding="utf-8"
        )
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *said])
    else:
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in [names, *said]), encoding="utf-8")
    return path


def both(folder: Path, said: list[tuple], names: tuple[str, ...] = HUB, kind: str = "jsonl") -> str:
    """A folder with the same rows in training and test."""
    write(folder / f"train.{kind}", said, names)
    write(folder / f"test.{kind}", said, names)
    return str(folder)


def texts(found: list) -> list[tuple[str, str, str]]:
    return sorted((row.premise, row.hypothesis, row.label) for row in found)


def everything(read: NliData) -> list:
    return [
        row for side in ("validation", "test") for rows in read.rows_of(side, None).values() for row in rows
    ] + read.train_rows


# --- MNLI


def test_the_rows_and_the_hash_of_mnli_are_those_of_the_first_version(mnli_folder):
    read = nli(folder=str(mnli_folder), samples=12, test_pairs=9)
    assert read.content_hash == "d81db9de244b3c25154b86349812d5dbab19671d8ac9128cd1e592af14a14838"
    assert [row.pair_id for row in read.train_rows] == [
        f"train.jsonl:{i}" for i in (43, 53, 24, 52, 41, 33, 25, 2, 54, 37, 50, 30)
    ]
    assert [row.pair_id for row in read.score_rows["mnli"]] == [
        f"dev_matched.jsonl:{i}" for i in (30, 21, 9, 25, 29, 26, 24, 19, 8)
    ]


def test_blank_lines_have_no_number_in_any_text_format(tmp_path):
    head = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
    (tmp_path / "train.tsv").write_text(
        head
        + (
            '0\tHe said "no\tHe '
            "spoke.\tneutral\tentailment\n\n1\ta\tb\tneutral\t-\r\n2\tc\t\tneutral\tneutral\n"
        )
    )
    (tmp_path / "dev_matched.tsv").write_text(head + "0\té\tf\tneutral\tcontradiction", encoding="utf-8")
    assert (
        nli(folder=str(tmp_path)).content_hash
        == "a8110bf102923e660305c0642681225475fbce8202e76197584f4e24be56c64d"
    )
    (tmp_path / "train.tsv").unlink()
    (tmp_path / "train.jsonl").write_text(
        '\n{"sentence1": "a\\u00e9\\n\\"b\\\\", "sentence2": 3, "gold_label": "neutral", "annotator_labels": '
        '["x"]}\n\n'
        '{"sentence1": "", "sentence2": "q", "gold_label": "-"}\r\n{"sentence1": "🎈", "sentence2": '
        '"q\\ud83c\\udf88", "gold_label": "entailment"}',
        encoding="utf-8",
    )
    assert (
        nli(folder=str(tmp_path)).content_hash
        == "52b29f3f3cdc15baaf8fa82e8693c0712352f396bafafe45eaa5cb3751dc9625"
    )


def test_rows_of_one_premise_are_not_split_and_all_are_used(mnli_folder):
    test, validation = nli(folder=str(mnli_folder)), nli(folder=str(mnli_folder), score_on="validation")
    held, trained = validation.score_rows["mnli"], test.train_rows
    assert len(held) + len(trained) == 60
    assert held
    assert not {row.premise for row in held} & {row.premise for row in trained}
    assert len(test.score_rows["mnli"]) == 30


def test_draws_are_balanced_and_nested(mnli_folder):
    drawn = nli(folder=str(mnli_folder), samples=12).train_rows
    assert Counter(row.label for row in drawn) == dict.fromkeys(LABELS, 4)
    assert nli(folder=str(mnli_folder), samples=6).train_rows == drawn[:6]


def test_gluess_tsv_is_read_with_quotes_and_rows_without_consensus_are_counted(tmp_path):
    head = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
    (tmp_path / "train.tsv").write_text(
        head
        + '0\tHe said "no\tHe spoke.\tneutral\tentailment\n1\ta\tb\tneutral\t-\n2\tc\td\tneutral\tneutral\n'
    )
    (tmp_path / "dev_matched.tsv").write_text(head + "0\te\tf\tneutral\tcontradiction\n")
    read = nli(folder=str(tmp_path))
    assert sorted(row.premise for row in read.train_rows) == ['He said "no', "c"]
    assert read.counts["no consensus label"] == 1
    assert read.score_rows["mnli"][0].label == "contradiction"


def test_two_candidates_or_none_are_named(tmp_path, mnli_folder):
    (mnli_folder / "train_partial.jsonl").write_text("{}\n")
    with pytest.raises(
        ValueError, match=r"several candidates: train\.jsonl, train_partial\.jsonl.*data\.train=NAME"
    ):
        nli(folder=str(mnli_folder))
    with pytest.raises(FileNotFoundError, match=r"no file called train\.jsonl.*data\.train=NAME"):
        nli(folder=str(tmp_path))


# --- SNLI, ANLI, and any set


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("names", [HUB, GLUE, ANLI, ("sentence1", "sentence2", "label")])
def test_every_format_and_every_known_name_of_a_column_gives_the_same_rows(tmp_path, kind, names):
    said = rows()
    read = nli("snli", folder=both(tmp_path, said, names, kind))
    assert texts(everything(read)) == sorted(said * 2)
    assert sorted(row.pair_id for row in read.score_rows["snli"]) == [f"test.{kind}:{i}" for i in range(1, 7)]
    assert {(row.form, row.property) for row in everything(read)} == {("snli", "snli")}


@pytest.mark.parametrize(
    ("names", "test"),
    [
        (
            (
                "snli_1.0_train.jsonl",
                "snli_1.0_test.jsonl",
                "snli_1.0_dev.jsonl",
                "snli_1.0_train.txt",
                "snli_1.0_test.txt",
            ),
            "snli_1.0_test.jsonl",
        ),
        (("train.tsv", "test.tsv", "dev.tsv"), "test.tsv"),
        (("train.tsv", "dev.tsv"), "dev.tsv"),
        (("snli_1.0_train.txt", "snli_1.0_test.txt", "snli_1.0_dev.txt"), "snli_1.0_test.txt"),
        (("train.parquet", "validation.parquet"), "validation.parquet"),
    ],
)
def test_snlis_usual_files_are_found(tmp_path, names, test):
    for name in names:
        write(tmp_path / name, rows(3), GLUE)
    assert [row.pair_id for row in nli("snli", folder=str(tmp_path)).score_rows["snli"]] == [
        f"{test}:{i}" for i in (1, 2, 3)
    ]


def test_a_named_file_goes_before_the_usual_ones_and_a_title_names_form_and_benchmark(tmp_path):
    both(tmp_path, rows())
    write(tmp_path / "dev_mismatched.csv", rows(3, "mismatched"))
    read = nli("nli", folder=str(tmp_path), test="dev_mismatched.csv", title="mismatched")
    assert [row.property for row in read.score_rows["mismatched"]] == ["mismatched"] * 3
    assert read.title == "mismatched"
    assert nli("nli", folder=str(tmp_path)).title is None


def anli_folder(folder: Path, *rounds: int) -> str:
    for number in rounds:
        for part in ("train", "dev", "test"):
            said = [(p, h, label[0]) for p, h, label in rows(6, f"{part} {number}")]
            write(folder / f"R{number}" / f"{part}.jsonl", said, ANLI)
    return str(folder)


def test_anlis_rounds_are_joined_and_each_row_keeps_the_name_of_its_round(tmp_path):
    read = nli("anli", folder=anli_folder(tmp_path, 1, 2, 3))
    assert [row.pair_id for row in read.score_rows["anli"]] == [
        f"R{r}/test.jsonl:{i}" for r in (1, 2, 3) for i in range(1, 7)
    ]
    assert Counter(row.label for row in everything(read)) == dict.fromkeys(LABELS, 12)
    assert len({row.pair_id for row in everything(read)}) == 36


def test_some_of_anlis_rounds_are_chosen_and_their_development_rows_can_be_scored(tmp_path):
    read = nli("anli", folder=anli_folder(tmp_path, 1, 3), rounds=3, test="dev.jsonl")
    assert {row.pair_id.split(":")[0] for row in everything(read)} == {"R3/train.jsonl", "R3/dev.jsonl"}
    with pytest.raises(FileNotFoundError, match=r"no folder R2.*data\.rounds="):
        nli("anli", folder=str(tmp_path))
    (tmp_path / "R3" / "test.jsonl").unlink()
    assert nli("anli", folder=str(tmp_path), rounds=[3]).score_rows["anli"][0].pair_id == "R3/dev.jsonl:1"


@pytest.mark.parametrize("kind", FORMATS)
def test_any_columns_are_mapped_and_those_not_mapped_are_found(tmp_path, kind):
    folder = both(tmp_path, rows(), ("text", "hypothesis", "gold"), kind)
    with pytest.raises(
        ValueError, match=r"no column premise, label.*data\.columns\.premise=NAME data\.columns\.label=NAME"
    ):
        nli("nli", folder=folder)
    assert texts(
        nli("nli", folder=folder, **{"columns.premise": "text", "columns.label": "gold"}).score_rows["nli"]
    ) == sorted(rows())


# --- labels


@pytest.mark.parametrize("kind", FORMATS)
def test_numbers_mean_what_the_user_declares_and_minus_one_is_no_consensus(tmp_path, kind):
    said = [(p, h, LABELS[::-1].index(label)) for p, h, label in rows()]
    folder = both(tmp_path, [*said, ("a", "b", -1)], HUB, kind)
    read = nli("nli", folder=folder, label_names=["contradiction", "neutral", "entailment"])
    assert texts(read.score_rows["nli"]) == sorted(rows())
    assert read.counts["no consensus label"] == 2
    with pytest.raises(
        ValueError, match=r"(line|row) 2? ?.*train.*label '2' is a number.*data\.label_names="
    ):
        nli("nli", folder=folder)


def test_a_number_without_a_name_is_refused():
    meanings = Meanings(checked_label_names(["neutral", "entailment", "contradiction", "-"]), None, "set")
    assert [meanings.of(label) for label in ("0", "1.0", "3", "-1", " C ", "Entailment")] == [
        "neutral",
        "entailment",
        "-",
        "-",
        "contradiction",
        "entailment",
    ]
    with pytest.raises(ValueError, match=r"names for 0 to 3 only.*data\.label_names"):
        meanings.of("4")


@pytest.mark.parametrize(
    "names", [["entailment", "neutral"], ["entailment", "entailment", "neutral"], ["yes", "no", "maybe"]]
)
def test_names_of_labels_are_the_three_once_each(names):
    with pytest.raises(ValueError, match=r"data\.label_names=.*once each"):
        checked_label_names(names)


def test_a_set_that_declares_other_names_than_the_user_is_refused():
    with pytest.raises(
        ValueError, match=r"data\.label_names=.*but set declares entailment, neutral, contradiction"
    ):
        Meanings(checked_label_names(LABELS[::-1]), LABELS, "set")
    with pytest.raises(ValueError, match=r"set: its labels are called zero, one, two.*data\.label_names"):
        Meanings(None, ["zero", "one", "two"], "set")
    assert (
        Meanings(checked_label_names(LABELS[::-1]), ["zero", "one", "two"], "set").of("0") == "contradiction"
    )


@pytest.mark.parametrize("label", ["not_entailment", "not-entailment", "non_entailment", "Not Entailment"])
def test_a_binary_set_is_refused_with_the_reason(tmp_path, label):
    with pytest.raises(
        ValueError, match=r"line 1 of .*train\.jsonl.*binary set.*which of these rows are neutral.*data=mnli"
    ):
        nli("nli", folder=both(tmp_path, [("a", "b", label)]))
    with pytest.raises(ValueError, match="binary set"):
        checked_label_names(["entailment", label])


def test_labels_that_are_kept_secret_are_noticed(tmp_path):
    both(tmp_path, rows())
    write(tmp_path / "test.jsonl", [("a", "b", "-1"), ("a", "c", "-")])
    with pytest.raises(ValueError, match=r"test\.jsonl: none of its 2 rows has a label.*data\.test=NAME"):
        nli("nli", folder=str(tmp_path), label_names=LABELS)


# --- the hub


@pytest.fixture
def hub(offline_hub, hub_folder):
    """A set in the hub's layout, from rows by part."""

    def make(header: str = THREE_CLASSES, names: tuple[str, ...] = HUB, **parts: list[tuple]) -> str:
        return str(
            hub_folder(
                header=header,
                **{
                    part: pl.DataFrame(said, schema=list(names), orient="row") for part, said in parts.items()
                },
            )
        )

    return make


def numbered(said: list[tuple]) -> list[tuple]:
    return [(p, h, LABELS.index(label) if label in LABELS else -1) for p, h, label in said]


def test_a_hub_set_declares_what_its_numbers_mean(hub):
    path = hub(
        train=numbered(rows()),
        validation_matched=numbered([*rows(3, "matched"), ("a", "b", "-")]),
        test=[("x", "y", -1)],
    )
    read = nli("mnli", hub=path)
    assert texts(read.score_rows["mnli"]) == sorted(rows(3, "matched"))
    assert read.score_rows["mnli"][0].pair_id == "validation_matched:1"
    assert read.counts["no consensus label"] == 1
    with pytest.raises(ValueError, match=r"part test .*none of its 1 rows has a label.*data\.test=NAME"):
        nli("nli", hub=path)
    assert len(nli("nli", hub=path, test="validation_matched").score_rows["nli"]) == 3


def test_numbers_that_a_hub_set_does_not_name_are_refused_or_named_by_the_user(hub):
    path = hub(header="", train=numbered(rows()), test=numbered(rows()))
    with pytest.raises(ValueError, match=r"row 1 of part train .*label '0' is a number.*data\.label_names="):
        nli("snli", hub=path)
    assert texts(nli("snli", hub=path, label_names=LABELS).score_rows["snli"]) == sorted(rows())


def test_a_parquet_file_that_the_hubs_library_wrote_declares_what_its_numbers_mean(offline_hub, tmp_path):
    import datasets

    features = datasets.Features(
        dict.fromkeys(HUB[:2], datasets.Value("string")), label=datasets.ClassLabel(names=list(LABELS[::-1]))
    )
    said = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 2]}
    for part in ("train", "test"):
        datasets.Dataset.from_dict(said, features=features).to_parquet(tmp_path / f"{part}.parquet")
    assert texts(nli("snli", folder=str(tmp_path)).score_rows["snli"]) == [
        ("a", "c", "contradiction"),
        ("b", "d", "entailment"),
    ]
    with pytest.raises(ValueError, match=r"data\.label_names=.*declares contradiction, neutral, entailment"):
        nli("snli", folder=str(tmp_path), label_names=LABELS)


def test_a_binary_hub_set_is_refused_by_its_declared_names(hub):
    path = hub(
        CLASSES % "'0': entailment, '1': not_entailment",
        train=[("a", "b", 0), ("a", "c", 1)],
        validation=[("a", "b", 0)],
    )
    with pytest.raises(ValueError, match=r"part train of .*binary set \(not_entailment\)"):
        nli("nli", hub=path)


def test_anlis_rounds_are_parts_on_the_hub(hub):
    parts = {
        f"{part}_r{r}": numbered(rows(3, f"{part} {r}"))
        for r in (1, 2, 3)
        for part in ("train", "dev", "test")
    }
    path = hub(**parts)
    assert [row.pair_id for row in nli("anli", hub=path, rounds=[1, 3]).score_rows["anli"]] == [
        f"test_r{r}:{i}" for r in (1, 3) for i in (1, 2, 3)
    ]
    assert nli("anli", hub=path, test="dev").score_rows["anli"][0].pair_id == "dev_r1:1"
    with pytest.raises(ValueError, match=r"no part final_r1, but train_r1.*data\.test=NAME \(_r1 is added\)"):
        nli("anli", hub=path, test="final")


def test_columns_of_a_hub_set_that_are_not_there_or_hold_no_text_are_told(hub):
    path = hub(
        header="",
        names=("text", "hypothesis", "label"),
        train=[(1.5, "b", "neutral")],
        test=[(1.5, "b", "neutral")],
    )
    with pytest.raises(ValueError, match=r"part train .*no column premise.*data\.columns\.premise=NAME"):
        nli("nli", hub=path)
    with pytest.raises(ValueError, match=r"column text \(data\.columns\.premise\) is .*float64.*no text"):
        nli("nli", hub=path, **{"columns.premise": "text"})


def test_the_hub_is_asked_for_the_configuration_and_revision_and_never_to_run_code(hub, monkeypatch):
    import datasets

    local, asked = datasets.load_dataset(hub(train=numbered(rows()), test=numbered(rows()))), []
    monkeypatch.setattr(
        datasets, "load_dataset", lambda *path, **options: asked.append((path, options)) or local
    )
    nli("nli", hub="nyu-mll/glue", config="mnli", revision="abc")
    assert asked == [(("nyu-mll/glue",), {"name": "mnli", "revision": "abc"})]


def test_without_network_the_advice_names_the_options_own_keys(offline_hub):
    with pytest.raises(ConnectionError, match=r"data\.hub=nyu-mll/glue.*HF_HOME.*data\.hub=FOLDER"):
        nli("mnli", hub="nyu-mll/glue", config="mnli")


# --- what cannot be meant


@pytest.mark.parametrize(
    ("keys", "error", "advice"),
    [
        ({}, ValueError, r"data\.folder=PATH.*data\.hub=OWNER/NAME"),
        ({"folder": "/no/such"}, FileNotFoundError, r"data\.folder=/no/such: no such folder"),
        ({"folder": ".", "hub": "a/b"}, ValueError, "leave one of them out"),
        ({"folder": ".", "config": "mnli"}, ValueError, r"data\.config is for data\.hub"),
        ({"folder": ".", "revision": "a"}, ValueError, r"data\.revision is for data\.hub"),
        ({"hub": "./nothing"}, FileNotFoundError, r"data\.hub=\./nothing: no such folder, nor an id"),
        ({"folder": ".", "title": "a/b"}, ValueError, r"data\.title=a/b: metrics are called by it"),
        ({"folder": ".", "title": "lexicalised"}, ValueError, r"data\.title=lexicalised"),
        ({"folder": ".", "columns": {"premis": "a"}}, ValueError, "premis"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_with_advice(keys, error, advice):
    from relsym.data.sources.nli import NliSource

    with pytest.raises(error, match=advice):
        NliSource("nli", **keys)


@pytest.mark.parametrize("rounds", [[], [4], [1, 1]])
def test_rounds_are_some_of_the_three(tmp_path, rounds):
    with pytest.raises(ValueError, match=r"data\.rounds=.*\[1, 2, 3\], each once"):
        nli("anli", folder=str(tmp_path), rounds=rounds)


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("train.jsonl", b"", r"train\.jsonl: the file is empty"),
        ("train.csv", b"premise,hypothesis,label\n", r"train\.csv: the file is empty.*data\.train=NAME"),
        (
            "train.jsonl",
            b'{"premise": "a", "hypothesis": "b", "label": "neutral"}\n\n{broken\n',
            r"line 3 of .*train\.jsonl: expected a JSON object with premise, hypothesis, label, "
            r"got '\{broken' \(no JSON\)\. Pass data\.on_bad_row=skip",
        ),
        ("train.jsonl", b'["a", "b"]\n', r"expected a JSON object in each line, the first is .*a"),
        (
            "train.jsonl",
            b'{"premise": {"en": "a"}, "hypothesis": "b", "label": "neutral"}\n',
            r"train\.jsonl: premise: expected strings or numbers.*data\.columns",
        ),
        (
            "train.tsv",
            b"premise\thypothesis\tlabel\na\tb\tneutral\na\tb\n",
            r"line 3 of .*train\.tsv: expected 3 tab-separated fields, got 2: 'a.tb'.*data\.on_bad_row=skip",
        ),
        (
            "train.csv",
            b"premise,hypothesis,label\na,b,neutral\na,b\n",
            r"row 3 of .*train\.csv: expected 3 comma-separated fields, got 'a,b'.*data\.on_bad_row=skip",
        ),
        (
            "train.tsv",
            "premise\thypothesis\tlabel\né\tb\tneutral\n".encode("latin1"),
            r"line 2 of .*train\.tsv: not UTF-8.*iconv",
        ),
        (
            "train.tsv",
            b"premise\thypothesis\tlabel\na\tb\tcontradictory\n",
            r"line 2 of .*train\.tsv: label 'contradictory'; expected entailment.*data\.columns\.label",
        ),
        (
            "train.tsv",
            b"a\tb\tneutral\n",
            r"train\.tsv: no column premise, hypothesis, label.*data\.columns\.premise=NAME",
        ),
        ("train.parquet", b"no table", r"train\.parquet: no readable Parquet file"),
    ],
)
def test_a_damaged_file_is_told_by_name_row_and_remedy(tmp_path, name, content, advice):
    (tmp_path / name).write_bytes(content)
    write(tmp_path / "test.jsonl", rows(3))
    with pytest.raises(ValueError, match=advice):
        nli("snli", folder=str(tmp_path))


def test_a_null_in_parquet_is_told_by_its_row(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"row 2 of .*train\.parquet: expected a row, got .*'premise': 'a'.*\(no hypothesis\)",
    ):
        nli("snli", folder=both(tmp_path, [("a", "b", "neutral"), ("a", None, "neutral")], HUB, "parquet"))


def test_a_draw_that_is_too_large_or_lacks_a_label_is_refused(tmp_path, mnli_folder):
    with pytest.raises(
        ValueError, match=r"data\.samples=61: .*train\.jsonl has only \d+ rows.*data\.samples=\d+ or fewer"
    ):
        nli(folder=str(mnli_folder), samples=61)
    with pytest.raises(
        ValueError, match=r"no training row of .*train\.jsonl is labelled neutral.*data\.samples=null"
    ):
        nli("nli", folder=both(tmp_path, [row for row in rows(60) if row[2] != "neutral"]), samples=6)


# --- in a run


@pytest.mark.parametrize("option", ["snli", "anli", "nli"])
def test_metrics_are_called_by_the_set(relsym, quick, tmp_path, option):
    folder = anli_folder(tmp_path / "set", 1, 2, 3) if option == "anli" else both(tmp_path / "set", rows(60))
    ended = relsym(
        "train",
        *quick,
        "objective=finetune",
        f"data={option}",
        f"data.folder={folder}",
        "data.samples=6",
        "data.test_pairs=9",
    )
    assert ended.code == 0, ended.err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert f"test/accuracy/{option}" in results["metrics"]
    assert results["benchmark"]["title"] == option


@pytest.mark.slow
def test_the_real_rows_of_mnli_are_read_and_drawn_as_ever(real_data):
    read = nli(folder=str(real_data / "mnli"), samples=300, test_pairs=2000)
    assert read.content_hash == "8e8de66427f7a55e24117e24ad978df17aa313ed0636075bf98295968c8e7430"
    assert read.counts == {"train rows": 20254, "validation rows": 2231, "test rows": 9815}
    assert Counter(row.label for row in read.train_rows) == dict.fromkeys(LABELS, 100)
