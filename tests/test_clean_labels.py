"""Names that were made for machines are made into words, and the audit tells what is odd about labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relsym.data.audit import FINDINGS
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.clean_labels import CLEANINGS
from relsym.data.sources.hub import HubTriples
from relsym.data.sources.table import TripleTable

LABELS_BESIDE = {"subject_label": "subject_label", "object_label": "object_label"}


def facts_table(folder: Path, labels: list[str]) -> TripleTable:
    """Statements of P40 from entities with these labels to others that have plain ones."""
    path = folder / "facts.jsonl"
    rows = []
    for number, label in enumerate(labels):
        row = {"subject": f"Q{number + 1}", "property": "P40", "object": f"Q{number + 1001}"}
        rows.append(row | {"subject_label": label, "object_label": f"name {number}"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return TripleTable(path, columns=LABELS_BESIDE)


def labels_of_facts(benchmark: SymmetryBenchmark) -> list[str]:
    return benchmark.facts["subject_label"].to_list()


@pytest.mark.parametrize(
    ("cleaning", "label", "clean"),
    [
        ("blanks", " \u00a0New  York\u200b ", "New York"),
        ("blanks", "a\u00adb\u3000c", "ab c"),
        ("underscores", "Ames,_Iowa", "Ames, Iowa"),
        ("underscores", "__a__b_", "a b"),
        ("iri", "http://dbpedia.org/resource/Ames,_Iowa", "Ames,_Iowa"),
        ("iri", "<http://dbpedia.org/resource/S%C3%A3o_Paulo>", "São_Paulo"),
        ("iri", "http://example.org/terms#Paris", "Paris"),
        ("iri", "<Paris>", "Paris"),
        ("iri", "either/or", "either/or"),
        ("iri", "http://dbpedia.org/resource/AC/DC", "AC/DC"),
        ("iri", "<https://en.wikipedia.org/wiki/AC/DC>", "AC/DC"),
        ("iri", "http://example.org/terms#either/or", "either/or"),
        ("iri", "http://example.org/people/ann/", "ann"),
        ("iri", "http://example.org/50%25", "50%"),
        ("iri", "http://dbpedia.org/resource/S%e3o_%C3%A3", "S%e3o_ã"),
        ("iri", "http://dbpedia.org/resource/", "http://dbpedia.org/resource/"),
        ("iri", "50%25", "50%25"),
        ("wordnet", "bring.v.10", "bring"),
        ("wordnet", "hot_dog.n.01", "hot dog"),
        ("wordnet", "__stool_NN_2", "stool"),
        ("wordnet", "St. Louis", "St. Louis"),
        ("conceptnet", "/c/en/big", "big"),
        ("conceptnet", "/c/en/hot_dog/n/wn/food", "hot dog"),
        ("conceptnet", "/c/pt_br/dia", "dia"),
        ("conceptnet", "/c/zh_min_nan/made_up/n", "made up"),
        ("definition", "made up, a thing; of no use, at all", "made up"),
        ("definition", "made up; a thing, of no use", "made up"),
        ("definition", "1,000 metres", "1,000 metres"),
        ("definition", ", or so", ", or so"),
        ("camel_case", "NewYorkCity", "New York City"),
        ("camel_case", "HTMLPage", "HTML Page"),
        ("camel_case", "Paris", "Paris"),
        ("parentheses", "Paris (film)", "Paris"),
        ("quotes", '"Paris"', "Paris"),
        ("quotes", "'Paris'", "Paris"),
        ("quotes", "Land's", "Land's"),
        (["iri", "underscores"], "<http://dbpedia.org/resource/Ames,_Iowa>", "Ames, Iowa"),
    ],
)
def test_a_cleaning_makes_words_of_a_label(tmp_path, cleaning, label, clean):
    # A second label, which every cleaning changes: where none is changed, a warning says so.
    other = "<http://x.org/__a_NN_1>, c (b)"
    benchmark = SymmetryBenchmark(facts_table(tmp_path, [label, other]), clean_labels=cleaning)
    assert labels_of_facts(benchmark)[0] == clean
    assert benchmark.audit.found["id_label"]["count"] == 0


def test_every_cleaning_is_tested_and_another_is_refused_with_their_names(tmp_path):
    with pytest.raises(
        ValueError, match=r"data\.clean_labels=rubbish: expected blanks, underscores, .*quotes"
    ):
        SymmetryBenchmark(facts_table(tmp_path, ["a"]), clean_labels=["blanks", "rubbish"])
    parameters = test_a_cleaning_makes_words_of_a_label.pytestmark[0].args[1]
    assert {name for name, _, _ in parameters if isinstance(name, str)} == set(CLEANINGS)


def test_labels_that_cleaning_makes_equal_are_a_finding(tmp_path, caplog):
    labels = ["bring.v.10", "bring.v.01", "Bring.n.1", "take.v.01"]
    reader = facts_table(tmp_path, labels)
    benchmark = SymmetryBenchmark(reader, clean_labels="wordnet")
    found = benchmark.audit.found["cleaned_alike"]
    assert (found["count"], found["removed"], found["decision"]) == (3, 0, "keep")
    assert labels_of_facts(benchmark) == ["bring", "bring", "Bring", "take"]
    assert "cleaned_alike: 3 kept (data.clean_labels made a label equal" in caplog.text
    assert "data.findings.cleaned_alike=drop or keep" in caplog.text
    assert benchmark.counts["label cleaned (wordnet)"] == 4
    dropped = SymmetryBenchmark(reader, clean_labels="wordnet", findings={"cleaned_alike": "drop"})
    assert labels_of_facts(dropped) == ["take"]
    with pytest.raises(ValueError, match=r"cleaned_alike: 3 .*data\.findings\.cleaned_alike=drop.keep"):
        SymmetryBenchmark(reader, clean_labels="wordnet", audit="strict")


def test_labels_that_were_equal_before_are_no_such_finding(tmp_path):
    labels = ["bring.v.10", "bring.v.10", "take.v.1"]
    benchmark = SymmetryBenchmark(facts_table(tmp_path, labels), clean_labels="wordnet")
    assert benchmark.audit.found["cleaned_alike"]["count"] == 0


def test_ids_that_are_names_become_labels_by_cleaning(tmp_path, caplog):
    path = tmp_path / "train.txt"
    path.write_text("Ames,_Iowa\tP131\tIowa\nParis\tP131\tFrance\n")
    benchmark = SymmetryBenchmark(TripleTable(path), clean_labels="underscores")
    # Paris and France are named by their ids, which is no fault here.
    assert labels_of_facts(benchmark) == ["Ames, Iowa", "Paris"]
    assert benchmark.facts["subject"].to_list() == ["Ames,_Iowa", "Paris"]
    # The ids of the delexicalised form would name the entities.
    assert benchmark.forms == ("lexicalised",)
    assert "rows have the lexicalised form alone" in caplog.text
    without = SymmetryBenchmark(TripleTable(path))
    assert "become labels by data.clean_labels=underscores" in caplog.text
    assert without.forms == ("delexicalised",)
    path.write_text("Q1\tP131\tQ2\n")
    ids = SymmetryBenchmark(TripleTable(path), clean_labels="underscores")
    assert ids.forms == ("delexicalised",)
    assert "data.clean_labels=[underscores] changes no label" in caplog.text


def test_the_names_of_a_hub_set_are_no_ids(tmp_path):
    rows = [{"subject": f"Ann {n}", "property": "P40", "object": f"Bo {n}"} for n in range(3)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    benchmark = SymmetryBenchmark(HubTriples(str(tmp_path), shape="triples"))
    assert labels_of_facts(benchmark) == ["Ann 0", "Ann 1", "Ann 2"]
    assert benchmark.forms == ("lexicalised",)


@pytest.mark.parametrize(
    ("label", "finding", "decision", "shown"),
    [
        (" Paris", "padded_label", "drop", "' Paris'"),
        ("Paris ", "padded_label", "drop", "'Paris '"),
        ("Paris\u00a0", "padded_label", "drop", r"'Paris\xa0'"),
        ("\u200bParis", "padded_label", "drop", r"'\u200bParis'"),
        ("a\u00a0b", "invisible_label", "keep", r"'a\xa0b'"),
        ("a\u200bb", "invisible_label", "keep", r"'a\u200bb'"),
        ("a\u00adb", "invisible_label", "keep", r"'a\xadb'"),
        ("a  b", "invisible_label", "keep", "'a  b'"),
        ("NA", "missing_label", "keep", "'NA'"),
        ("nan", "missing_label", "keep", "'nan'"),
        ("null", "missing_label", "keep", "'null'"),
        ("None", "missing_label", "keep", "'None'"),
        ("a\x00b", "odd_label", "drop", r"'a\x00b'"),
        ("a\u202eb", "odd_label", "drop", r"'a\u202eb'"),
        ("a\x1b[31mb", "odd_label", "drop", r"'a\x1b[31mb'"),
    ],
)
def test_odd_labels_are_counted_shown_and_decided_on(tmp_path, label, finding, decision, shown, caplog):
    reader = facts_table(tmp_path, [label, "good"])
    benchmark = SymmetryBenchmark(reader)
    found = {name: entry["count"] for name, entry in benchmark.audit.found.items() if entry["count"]}
    assert found == {finding: 1}
    entry = benchmark.audit.found[finding]
    assert entry["decision"] == decision
    assert shown in entry["examples"][0]
    kept = labels_of_facts(benchmark)
    assert kept == ([label, "good"] if decision == "keep" else ["good"])
    if finding != "odd_label":
        assert f"data.findings.{finding}=drop or keep" in caplog.text
        assert shown in caplog.text
    other = "keep" if decision == "drop" else "drop"
    turned = SymmetryBenchmark(reader, findings={finding: other})
    assert labels_of_facts(turned) == (["good"] if other == "drop" else [label, "good"])


ORDINARY = (
    "\u0645\u062f\u064a\u0646\u0629",  # Arabic
    "\u05e9\u05dc\u05d5\u05dd",  # Hebrew
    "\U0001f469\u200d\U0001f680 astronaut",  # two emoji that a joiner makes one
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, which needs a non-joiner
    "S\u00e3o Paulo",
    "Null Island",
    "N.A.",
)


@pytest.mark.parametrize("label", ORDINARY)
def test_letters_of_every_script_and_joiners_are_no_finding(tmp_path, label):
    benchmark = SymmetryBenchmark(facts_table(tmp_path, [label, "good"]))
    assert labels_of_facts(benchmark) == [label, "good"]
    assert not any(benchmark.audit.found[name]["count"] for name in FINDINGS if name in benchmark.audit.found)


def test_cleaning_goes_before_the_audit(tmp_path):
    benchmark = SymmetryBenchmark(facts_table(tmp_path, [" Paris\u00a0", "a\u200bb"]), clean_labels="blanks")
    assert labels_of_facts(benchmark) == ["Paris", "ab"]
    assert benchmark.audit.found["padded_label"]["count"] == 0
