"""Data sets in the hub's layout: declared columns are checked, names are recovered from sentences, and every
row has its account.
"""

from __future__ import annotations

import sys

import polars as pl
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from relsym.data.relations import read_relations
from relsym.data.sources.hub import HubTriples, stated

FACTS = [("Q1", "P40", "Q2"), ("Q3", "P131", "Q4"), ("Q5", "P40", "Q6")]
LABELS = {f"Q{i}": f"name {i}" for i in range(1, 7)}
NAMES = ("subject", "property", "object")


@pytest.fixture(autouse=True)
def _offline(offline_hub) -> None:
    """No test here asks the network."""


@pytest.fixture
def folder(hub_folder):
    """Splits -> a folder in the hub's layout."""
    return hub_folder


def facts(rows=FACTS, names=NAMES) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(names), orient="row")


def pairs(*triples: tuple[str, str, str], **more: list) -> pl.DataFrame:
    """Swap pairs in the words of the property table."""
    said = [
        [read_relations()[p].template.replace("[X]", x).replace("[Y]", y) for x, y in ((s, o), (o, s))]
        for s, p, o in triples
    ]
    return pl.DataFrame(
        {"premise": [one for one, _ in said], "hypothesis": [other for _, other in said], **more}
    )


def read(path, properties=("P40",), **options):
    return HubTriples(str(path), **options).read(properties)


def labels(source) -> dict[str, str]:
    return dict(source.labels.iter_rows())


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_statements_of_all_parts_or_of_one_are_read_in_order(folder, suffix):
    path = folder(suffix=suffix, train=facts(FACTS[:2]), test=facts(FACTS[2:]))
    source = read(path)
    assert source.triples.rows() == [FACTS[0], FACTS[2]]
    assert (source.read, source.dropped) == (3, {"other property": 1})
    assert source.origin == "hub data set set"
    assert read(path, part="test").triples.rows() == FACTS[2:]


def test_q_ids_without_labels_stand_for_themselves_in_an_unlabelled_source(folder):
    source = read(folder(train=facts()))
    assert not source.labelled
    assert labels(source) == {q: q for q in ("Q1", "Q5", "Q2", "Q6")}


def test_a_name_that_is_no_q_id_is_id_and_label(folder):
    source = read(folder(train=facts([("Ann", "P40", "Bob"), ("Q5", "P40", "Q0")])))
    assert source.triples.rows() == [("Ann", "P40", "Bob"), ("Q5", "P40", "Q0")]
    assert labels(source) == {"Ann": "Ann", "Bob": "Bob", "Q0": "Q0"}
    assert source.labelled


def test_labels_come_from_mapped_columns(folder):
    rows = [(s, p, o, LABELS[s], LABELS[o]) for s, p, o in FACTS]
    path = folder(train=facts(rows, ("head", "property", "object", "from", "to")))
    source = read(path, columns={"subject": "head", "subject_label": "from", "object_label": "to"})
    assert source.triples.rows() == [FACTS[0], FACTS[2]]
    assert labels(source) == {q: LABELS[q] for q in ("Q1", "Q2", "Q5", "Q6")}


def test_a_mismatch_tells_every_parts_columns_types_and_first_values_and_the_override(folder):
    path = folder(
        train=facts(names=("head", "property", "object")),
        test=facts([("Q7", "P40", "Q8")], names=("head", "property", "object")),
    )
    with pytest.raises(ValueError, match=r"no column subject") as caught:
        read(path, part="train")
    message = str(caught.value)
    assert all(
        text in message
        for text in (
            "train:",
            "test:",
            "head: Value('large_string'), such as 'Q1'",
            "such as 'Q7'",
            "data.columns.subject=NAME",
            "data.shape",
        )
    )


def test_a_long_first_value_is_shortened(folder):
    with pytest.raises(ValueError, match="no column subject") as caught:
        read(folder(train=facts([("x" * 500, "P40", "Q2")], names=("head", "property", "object"))))
    assert "x" * 50 in str(caught.value)
    assert "x" * 100 not in str(caught.value)


def test_a_declared_column_that_holds_no_text_is_refused(folder):
    with pytest.raises(
        ValueError, match=r"column subject \(data\.columns\.subject\) is Value\('int64'\), no text"
    ):
        read(folder(train=pl.DataFrame({"subject": [1], "property": ["P40"], "object": ["Q2"]})))


def test_names_and_properties_are_recovered_from_swap_pairs_of_every_property(folder):
    told = [(f"Ann {p}", p, f"Bob (of {p})") for p in read_relations()]
    source = read(folder(train=pairs(*told)), properties=list(read_relations()), shape="pairs")
    assert source.triples.rows() == told
    assert labels(source) == {name: name for s, _, o in told for name in (s, o)}
    assert source.read == len(told)


def test_rows_that_tell_no_single_statement_are_dropped_by_reason(folder):
    rows = [
        ("Bob is a child of Ann.", "Ann is a child of Bob."),  # a swap pair
        ("Bob is a child of Ann.", "Bob is a child of Ann."),  # not swapped
        ("Bob adores Ann.", "Ann adores Bob."),  # no template
        ("Bob is a child of Ann is a sibling of Cid.", "Cid."),  # two templates
        ("Bob is a child of Ann is a child of Cid.", "Cid is a child of Bob is a child of Ann."),  # two ways
        ("Bob is part of Ann.", "Ann is part of Bob."),
    ]  # P361
    source = read(folder(train=facts(rows, ("premise", "hypothesis"))), shape="pairs")
    assert source.triples.rows() == [("Ann", "P40", "Bob")]
    assert source.read == 6
    assert source.dropped == {
        "hypothesis is not the swap": 1,
        "no template fits": 1,
        "several templates fit": 1,
        "a template fits in several ways": 1,
        "other property": 1,
    }


def test_characters_with_a_meaning_in_patterns_stand_for_themselves():
    from collections import Counter

    dropped = Counter()
    rows = facts(
        [
            ("A+ has part(s) that are instances of (b|c)*.", ""),
            ("A has parts that are instances of b.", ""),
            ("A led to b!", ""),
            ("a\nb led to c\n.", ""),
        ],
        ("premise", "hypothesis"),
    )
    found = stated(rows, read_relations(), dropped)
    assert found.select("subject", "property", "object").rows() == [
        ("A+", "P2670", "(b|c)*"),
        ("a\nb", "P1542", "c\n"),
    ]
    assert dropped["no template fits"] == 2


def test_delexicalised_pairs_are_an_unlabelled_source(folder):
    source = read(folder(train=pairs(("Q1", "P40", "Q2"))), shape="pairs")
    assert source.triples.rows() == [("Q1", "P40", "Q2")]
    assert not source.labelled


def test_a_property_table_of_ones_own_gives_the_words(folder, tmp_path):
    table = tmp_path / "table.yaml"
    table.write_text('P40: {name: child, kind: antisymmetric, template: "[X] begat [Y]"}\n')
    path = folder(train=facts([("Ann begat Bob", "Bob begat Ann")], ("premise", "hypothesis")))
    assert read(path, shape="pairs", property_table=str(table)).triples.rows() == [("Ann", "P40", "Bob")]
    with pytest.raises(ValueError, match=r"no premise fits.*Ann begat Bob.*data\.property_table"):
        read(path, shape="pairs")


@pytest.mark.parametrize("classes", [False, True])
def test_labels_that_differ_from_the_property_tables_are_counted(folder, classes):
    told = [("Ann", "P40", "Bob"), ("Cid", "P40", "Dan"), ("Eve", "P3373", "Flo")]
    said = (
        ["contradiction", "entailment", "entailment"]
        if classes
        else ["Contradiction", " ENTAILMENT", "entailment "]
    )
    header = ""
    if classes:
        header = (
            "dataset_info:\n  features:\n  - {name: premise, dtype: string}\n  - {name: hypothesis, dtype: "
            "string}\n  - name: gold\n    dtype:\n"
            "      class_label:\n        names: {'0': entailment, '1': neutral, '2': contradiction}\n"
        )
    path = folder(
        train=pairs(
            *told,
            gold=[["entailment", "neutral", "contradiction"].index(x) for x in said] if classes else said,
        ),
        header=header,
    )
    source = read(path, properties=["P40", "P3373"], shape="pairs", columns={"label": "gold"})
    assert source.triples.rows() == told
    assert source.notes == {"label differs from the property table's": 1}
    assert not read(path, properties=["P40", "P3373"], shape="pairs").notes


def test_rows_with_an_empty_field_are_refused_with_their_place_or_counted(folder):
    path = folder(train=facts([*FACTS, ("Q1", None, "Q2"), (" ", "P40", "Q2")]))
    with pytest.raises(
        ValueError,
        match=r"row 4 of part train.*subject, property, object filled in.*Q1.*data\.on_bad_row=skip",
    ):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (source.read, source.dropped) == (5, {"bad row": 2, "other property": 1})


def test_a_folder_is_read_as_it_is_now(folder):
    assert read(folder(train=facts(FACTS[:1]))).triples.rows() == FACTS[:1]
    assert read(folder(train=facts(FACTS[2:]))).triples.rows() == FACTS[2:]


def test_one_of_several_configurations_is_chosen_by_name(tmp_path):
    (tmp_path / "set").mkdir()
    for name, row in (("one", FACTS[0]), ("two", FACTS[2])):
        facts([row]).write_csv(tmp_path / "set" / f"{name}.csv")
    (tmp_path / "set" / "README.md").write_text(
        "---\nconfigs:\n- {config_name: one, data_files: one.csv}\n- {config_name: two, data_files: "
        "two.csv}\n---\n"
    )
    assert read(tmp_path / "set", name="two").triples.rows() == [FACTS[2]]
    with pytest.raises(ValueError, match=r"'one', 'two'.*data\.name=NAME"):
        read(tmp_path / "set")


def test_parts_with_different_columns_are_refused_with_advice(folder):
    with pytest.raises(ValueError, match=r"column names.*data\.name=NAME.*same columns"):
        read(folder(train=facts(), test=pairs(("Ann", "P40", "Bob"))))


def test_an_unknown_part_is_refused_with_those_there_are(folder):
    with pytest.raises(ValueError, match=r"data\.part=dev.*train, test"):
        read(folder(train=facts(), test=facts()), part="dev")


def test_a_data_set_that_is_a_script_is_not_run(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ValueError, match=r"scripts.*data\.path=FOLDER"):
        read(tmp_path / "set")
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_data_is_an_error_with_advice(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(FileNotFoundError, match=r"doesn't contain any data.*data\.path=FOLDER"):
        read(tmp_path / "set")


@pytest.mark.parametrize("option", ["asymmetricity", "asymmetricity_v2"])
def test_without_network_and_cache_the_advice_is_network_cache_or_folder(option):
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose("train", [f"data={option}"])
    with pytest.raises(ConnectionError, match=r"MoyYuan/Asymmetricity.*network.*HF_HOME.*data\.path=FOLDER"):
        instantiate(config.data.reader).read(["P40"])


@pytest.mark.parametrize(
    ("shape", "rows"), [("pairs", pairs(("Ann", "P40", "Bob"))), ("triples", facts([("Ann", "P40", "Bob")]))]
)
def test_the_option_reads_a_folder_in_either_shape(folder, shape, rows):
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose(
            "train", ["data=asymmetricity", f"data.path={folder(train=rows)}", f"data.shape={shape}"]
        )
    assert instantiate(config.data.reader).read(["P40"]).triples.rows() == [("Ann", "P40", "Bob")]


def test_the_part_that_is_read_leaves_the_benchmarks_split_rule_alone(folder):
    path = folder(train=facts(FACTS[:1]), test=facts(FACTS[2:]))
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose(
            "train", ["data=asymmetricity", f"data.path={path}", "data.shape=triples", "data.part=test"]
        )
    assert instantiate(config.data.reader).read(["P40"]).triples.rows() == FACTS[2:]
    assert config.data.split == "grouped"


def test_the_two_options_differ_in_their_path_only():
    with initialize_config_module("relsym.conf", version_base="1.3"):
        first, second = (
            dict(compose("train", [f"data={name}"]).data) for name in ("asymmetricity", "asymmetricity_v2")
        )
    assert {key for key in first if first[key] != second[key]} - {"reader", "module"} == {"path"}


def test_the_hub_is_asked_for_the_named_configuration_and_revision_and_never_to_run_code(folder, monkeypatch):
    import datasets

    local, asked = datasets.load_dataset(str(folder(train=facts()))), []
    monkeypatch.setattr(
        datasets, "load_dataset", lambda *path, **options: asked.append((path, options)) or local
    )
    source = read("owner/set", name="big", revision="abc")
    assert asked == [(("owner/set",), {"name": "big", "revision": "abc"})]
    assert source.origin == "hub data set owner/set at abc big"


def test_a_data_set_that_is_not_there_or_not_open_is_an_error_with_advice(monkeypatch):
    import datasets

    def missing(*_, **__):
        raise datasets.exceptions.DatasetNotFoundError(
            "Dataset 'owner/set' doesn't exist on the Hub or cannot be accessed."
        )

    monkeypatch.setattr(datasets, "load_dataset", missing)
    with pytest.raises(FileNotFoundError, match=r"owner/set.*data\.revision.*log in.*data\.path=FOLDER"):
        read("owner/set")


def test_a_folder_has_no_revisions_and_the_licence_is_what_is_told(folder):
    path = folder(train=facts())
    with pytest.raises(ValueError, match=r"data\.revision=abc.*no revisions"):
        read(path, revision="abc")
    assert [read(path).licence, read(path, licence="MIT").licence] == ["unknown", "MIT"]


def test_without_the_library_the_advice_is_the_extra(folder, monkeypatch):
    path = folder(train=facts())
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r'data.path needs the package datasets: pip install "\.\[hub\]"'):
        read(path)


@pytest.mark.parametrize(
    ("options", "error", "advice"),
    [
        ({"path": None}, ValueError, r"data\.path=OWNER/NAME.*data\.path=FOLDER"),
        ({"path": "./nothing"}, FileNotFoundError, r"no such folder.*data\.path=FOLDER"),
        ({"path": "/no/such/folder"}, FileNotFoundError, "no such folder"),
        ({"shape": "rows"}, ValueError, "triples or pairs"),
        ({"on_bad_row": "ignore"}, ValueError, "error or skip"),
        ({"columns": {"subjekt": "a"}}, ValueError, r"unknown subjekt.*subject"),
        ({"columns": {"subject": None}}, ValueError, r"data\.columns\.subject=NAME"),
        ({"columns": {"object_label": "a"}}, ValueError, "both or neither"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_with_advice(options, error, advice):
    with pytest.raises(error, match=advice):
        HubTriples(**{"path": "owner/name", **options})
