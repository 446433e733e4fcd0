"""The data sets of docs/data-sets.md: every line there reads exactly the facts of made-up files."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from itertools import count
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from relsym.data.building import build
from relsym.data.pairs import DELEXICALISED, FORMS, LEXICALISED
from relsym.data.relations import TABLES, read_relations

DOCUMENT = (Path(__file__).parent.parent / "docs" / "data-sets.md").read_text(encoding="utf-8")
LINES = re.findall(r"^relsym build .*$", DOCUMENT, flags=re.MULTILINE)
FACTS_PER_PROPERTY = 14
PARTS = ("train", "valid", "test")


def facts_of(table: str, entity) -> list[tuple[str, str, str]]:
    """Made-up facts of every property of a table over entities that ``entity`` makes of numbers."""
    numbers = count()
    facts = []
    for property, relation in read_relations(table).items():
        if relation.kind != "neither":
            for _ in range(FACTS_PER_PROPERTY):
                facts.append((entity(next(numbers)), property, entity(next(numbers))))
    return facts


def in_parts(rows: list) -> dict[str, list]:
    """Rows as train, valid and test, the first row of train in test as well."""
    half, most = len(rows) // 2, len(rows) * 3 // 4
    return dict(zip(PARTS, (rows[:half], rows[half:most], [*rows[most:], rows[0]]), strict=True))


def write(path: Path, rows: list[tuple], between: str = "\t", above: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(between.join(map(str, row)) + "\n" for row in rows)
    path.write_text(above + lines, encoding="utf-8")


def write_parts(folder: Path, facts: list[tuple[str, str, str]], order: tuple[int, ...] = (0, 1, 2)) -> None:
    """Three files of facts, with one of another relation, and what stands beside such files."""
    subject, _, object = facts[0]
    rows = []
    for fact in [*facts, (subject, "another_relation", object)]:
        rows.append(tuple(fact[place] for place in order))
    for part, some in in_parts(rows).items():
        write(folder / f"{part}.txt", some)
    (folder / "README.txt").write_text("made up\n")


def texts(entities: list[str]) -> dict[str, str]:
    return {entity: f"thing number {i}, made up" for i, entity in enumerate(entities)}


def entities_in(facts: list[tuple[str, str, str]]) -> list[str]:
    return [entity for subject, _, object in facts for entity in (subject, object)]


def names_in(facts: list[tuple[str, str, str]]) -> dict[str, str]:
    return {entity: entity.replace("_", " ") for entity in entities_in(facts)}


def wn18rr(folder: Path):
    facts = facts_of("wn18rr", lambda n: f"{n:08d}" if n % 2 else f"made_up-{n}.n.{n % 90 + 10}")
    write_parts(folder / "WN18RR", facts)
    labels = {entity: f"thing number {i}" for i, entity in enumerate(entities_in(facts))}
    defined = [(entity, f"{lemma}, a made-up thing; found, nowhere") for entity, lemma in labels.items()]
    write(folder / "WN18RR" / "entity2text.txt", defined)
    return facts, labels


def fb15k237(folder: Path):
    facts = facts_of("fb15k237", lambda n: f"/m/0{n:x}_")
    write_parts(folder / "FB15k-237", facts)
    labels = texts(entities_in(facts))
    write(folder / "FB15k-237" / "entity2text.txt", list(labels.items()))
    return facts, labels


def codex(folder: Path):
    facts = facts_of("extended", lambda n: f"Q{n + 900000}")
    write_parts(folder / "codex-m", facts)
    write(folder / "codex-m" / "test_negatives.txt", [(o, p, s) for s, p, o in facts])
    labels = texts(entities_in(facts))
    entities = {q: {"label": label, "description": "x", "wiki": None} for q, label in labels.items()}
    path = folder / "entities" / "en" / "entities.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entities))
    return facts, labels


def yago(folder: Path):
    facts = facts_of("yago310", lambda n: f"Made_Up_(person_{n}),_Österreich")
    write_parts(folder / "YAGO3-10", facts)
    return facts, names_in(facts)


def umls(folder: Path):
    facts = facts_of("umls", lambda n: f"made_up_type_{n}")
    write_parts(folder / "umls", facts)
    return facts, names_in(facts)


def dbpedia(folder: Path):
    facts = facts_of("dbpedia50", lambda n: f"Made_Up_{n}_(film),_Nowhere")
    write_parts(folder / "DBpedia50", facts, order=(0, 2, 1))
    return facts, names_in(facts)


def conceptnet(folder: Path):
    facts = facts_of("conceptnet", lambda n: f"/c/en/made_up_{n}" + ("/a/wn" if n % 3 else ""))
    rows = []
    foreign = [("/c/de/rad", "/r/PartOf", "/c/de/auto"), ("/c/en/made_up_0", "/r/Synonym", "/c/fr/un")]
    outside = [("/c/en/made_up_0", "/r/ExternalURL", "http://example.org/a,b")]
    for start, relation, end in [*facts, *foreign, *outside]:
        about = json.dumps({"surfaceText": f'[[a {start}]], "so", [[{end}]]', "weight": 2.0})
        rows.append((f"/a/[{relation}/,{start}/,{end}/]", relation, start, end, about))
    write(folder / "assertions.csv", rows)
    packed = gzip.compress((folder / "assertions.csv").read_bytes())
    (folder / "conceptnet-assertions-5.7.0.csv.gz").write_bytes(packed)
    labels = {entity: entity.split("/")[3].replace("_", " ") for entity in entities_in(facts)}
    return facts, labels


def numbers_of(names: list[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(set(names), key=lambda name: name[::-1]))}


def openke(folder: Path):
    facts = facts_of("fb15k237", lambda n: f"/m/0{n:x}_")
    entities, relations = numbers_of(entities_in(facts)), numbers_of([p for _, p, _ in facts])
    rows = [(entities[s], entities[o], relations[p]) for s, p, o in facts]
    for part, some in in_parts(rows).items():
        write(folder / "FB15K237" / f"{part}2id.txt", some, " ", f"{len(some)}\n")
    write(folder / "FB15K237" / "entity2id.txt", list(entities.items()), "\t", f"{len(entities)}\n")
    write(folder / "FB15K237" / "relation2id.txt", list(relations.items()), "\t", f"{len(relations)}\n")
    return facts, None


def libkge(folder: Path):
    # Ids of digits, as those of synsets are.
    facts = facts_of("wn18rr", lambda n: f"{n + 1:08d}")
    entities, relations = numbers_of(entities_in(facts)), numbers_of([p for _, p, _ in facts])
    rows = [(entities[s], relations[p], entities[o]) for s, p, o in facts]
    for part, some in in_parts(rows).items():
        write(folder / "wnrr" / f"{part}.del", some)
    for name, numbers in (("entity_ids", entities), ("relation_ids", relations)):
        write(folder / "wnrr" / f"{name}.del", [(number, entity) for entity, number in numbers.items()])
    return facts, None


# Their ids name the entities.
NAMED = (yago, umls, dbpedia, conceptnet)
MADE_UP = (wn18rr, fb15k237, codex, yago, umls, dbpedia, conceptnet, openke, libkge)


def overrides_of(line: str) -> list[str]:
    program, task, *words = shlex.split(line)
    assert (program, task) == ("relsym", "build")
    return [word for word in words if word != "hydra.run.dir=OUT"]


def benchmark_of(overrides: list[str]):
    """Plan and benchmark as the command makes them."""
    with initialize_config_module("relsym.conf", version_base="1.3"):
        cfg = compose("build", overrides)
    make = instantiate(cfg.data.module.benchmark, _convert_="all")
    return instantiate(cfg.benchmark, _convert_="all"), make(audit=cfg.audit)


def test_each_line_has_a_made_up_set_and_each_table_a_line():
    assert len(LINES) == len(MADE_UP)
    named = {
        word.partition("=")[2] for line in LINES for word in overrides_of(line) if "property_table=" in word
    }
    assert named == TABLES.keys() - {"paper"}
    assert all(f"| `{table}` |" in DOCUMENT for table in named)


@pytest.mark.parametrize("number", range(len(MADE_UP)), ids=[make.__name__ for make in MADE_UP])
def test_a_documented_line_reads_exactly_the_facts_of_its_set(number, tmp_path, monkeypatch):
    line, make = LINES[number], MADE_UP[number]
    facts, labels = make(tmp_path)
    monkeypatch.chdir(tmp_path)
    plan, benchmark = benchmark_of(overrides_of(line))
    read = benchmark.facts.select("subject", "property", "object").rows()
    assert sorted(read) == sorted(facts)
    form_alone = (LEXICALISED if make in NAMED else DELEXICALISED,)
    assert benchmark.forms == (FORMS if labels and make not in NAMED else form_alone)
    for row in benchmark.facts.iter_rows(named=True):
        names = labels or {row["subject"]: row["subject"], row["object"]: row["object"]}
        assert row["subject_label"] == names[row["subject"]]
        assert row["object_label"] == names[row["object"]]

    kinds = {relation.property: relation.kind for relation in benchmark.relations.values()}
    stated = {(s, p, o) for s, p, o in facts}
    for rows in build(plan, benchmark, 0).rows.values():
        assert rows.height
        for row in rows.iter_rows(named=True):
            fact = (row["subject_id"], row["property"], row["object_id"])
            assert fact in stated or fact[::-1] in stated
            assert row["label"] == {"symmetric": "entailment"}.get(kinds[row["property"]], "contradiction")


@pytest.mark.parametrize(
    ("table", "property", "subject", "object", "sentence"),
    [
        ("dbpedia50", "associatedBand", "Bo", "Ann", "Bo is associated in music with Ann."),
        ("dbpedia50", "associatedMusicalArtist", "Bo", "Ann", "Bo is a musical associate of Ann."),
        ("conceptnet", "/r/UsedFor", "knife", "cut", "knife has cut as a purpose."),
        ("conceptnet", "/r/AtLocation", "cat", "kitchen", "cat has kitchen as a typical location."),
    ],
)
def test_a_sentence_suits_either_sort_of_thing(table, property, subject, object, sentence):
    relation = read_relations(table)[property]
    assert relation.template.replace("[X]", subject).replace("[Y]", object) == sentence
    if relation.kind == "symmetric":
        # A band's musician is no band: the reverse has to be as true.
        wordings = (relation.template, relation.negation, *relation.paraphrases)
        assert not any(word in wording for word in ("band", "artist") for wording in wordings)


def test_a_line_runs_as_a_command_and_tells_what_was_left_out(tmp_path, monkeypatch, relsym):
    facts, _ = conceptnet(tmp_path)
    monkeypatch.chdir(tmp_path)
    line = next(line for line in LINES if "data.format=conceptnet" in line)
    ended = relsym("build", *overrides_of(line), f"hydra.run.dir={tmp_path / 'out'}")
    assert ended.code == 0, ended.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    told = json.dumps(manifest)
    assert '"other language": 2' in told
    assert '"other property": 1' in told
    assert str(len(facts)) in told


def test_a_language_that_no_term_has_is_refused_with_those_there_are(tmp_path, monkeypatch):
    facts, _ = conceptnet(tmp_path)
    monkeypatch.chdir(tmp_path)
    line = next(line for line in LINES if "data.format=conceptnet" in line)
    terms = 2 * len(facts) + 1  # that of the French synonym too
    seen = rf"data\.language=xx\. Their terms are of en \({terms}\), de \(2\), fr \(1\)\. Name one"
    with pytest.raises(ValueError, match=seen):
        benchmark_of([*overrides_of(line), "data.language=xx"])


def test_a_statement_in_two_parts_is_one_fact_and_counted(tmp_path, monkeypatch):
    facts, _ = umls(tmp_path)
    monkeypatch.chdir(tmp_path)
    line = next(line for line in LINES if "data.property_table=umls" in line)
    _, benchmark = benchmark_of(overrides_of(line))
    assert benchmark.counts["statements read"] == len(facts) + 2
    assert (benchmark.counts["duplicate"], benchmark.counts["other property"]) == (1, 1)


def test_columns_in_another_order_than_is_said_give_no_fact(tmp_path, monkeypatch):
    dbpedia(tmp_path)
    monkeypatch.chdir(tmp_path)
    line = next(line for line in LINES if "data.property_table=dbpedia50" in line)
    wrong = [word for word in overrides_of(line) if not word.startswith("data.order")]
    with pytest.raises(ValueError, match="no usable fact"):
        benchmark_of(wrong)
