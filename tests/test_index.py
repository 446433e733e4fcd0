"""``relsym index`` and ``StatementIndex``: find what agrees with a sentence and what contradicts it."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import faiss
import numpy as np
import polars as pl
import pytest

from frozen_jobs import trained
from parameters import first_fast
from relsym import StatementIndex, SymmetryModel
from relsym.retrieval import index_folder
from relsym.retrieval.vector_search import HNSW, INDEX_KINDS, IVF, VectorSearch

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
STATEMENTS = [
    f"{name} {verb} {other}." for verb in ("borders", "is a parent of") for name in "ABCD" for other in "EFGH"
]


def unit(rows: int, seed: int, dim: int = 16) -> np.ndarray:
    """Vectors of length 1 around a few centres and around their opposites, as those of statements lie."""
    centres = np.random.default_rng(99).normal(size=(20, dim))
    random = np.random.default_rng(seed)
    signs = random.choice([-1, 1], size=(rows, 1))
    vectors = signs * centres[random.integers(20, size=rows)] + random.normal(scale=0.4, size=(rows, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


# --- vectors


@pytest.mark.parametrize("kind", INDEX_KINDS)
def test_the_nearest_and_the_most_opposed_are_those_of_the_brute_force(kind, tmp_path):
    vectors, queries = unit(3000, 0), unit(40, 1)
    search, recall = VectorSearch.build([vectors[:1000], vectors[1000:]], kind, 0.99)
    assert recall >= 0.99
    search.write(tmp_path / "vectors")
    read = VectorSearch.read(tmp_path / "vectors", kind, 16, 3000)
    assert read.width == search.width
    cosines = queries @ vectors.T
    exact = -np.sort(-cosines)[:, :5]
    found = read.nearest(queries, 5)
    assert np.take_along_axis(cosines, found.rows, axis=1) == pytest.approx(found.cosines, abs=1e-5)
    assert (found.cosines >= exact[:, -1:] - 1e-5).mean() >= 0.98
    opposed = read.most_opposed(queries, 5)
    assert np.take_along_axis(cosines, opposed.rows, axis=1) == pytest.approx(opposed.cosines, abs=1e-5)
    assert (opposed.cosines <= np.sort(cosines)[:, 4:5] + 1e-5).mean() >= 0.98
    if kind not in (IVF, HNSW):
        assert found.cosines == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize("kind", [IVF, HNSW])
def test_a_higher_recall_makes_the_search_wider(kind):
    vectors = unit(3000, 0)
    narrow, low = VectorSearch.build([vectors], kind, 0.2)
    wide, high = VectorSearch.build([vectors], kind, 1.0)
    assert narrow.width < wide.width
    assert low < high


@pytest.mark.parametrize("kind", INDEX_KINDS)
def test_many_neighbours_are_found_too(kind):
    vectors, queries = unit(3000, 0), unit(5, 1)
    search, _ = VectorSearch.build([vectors], kind, 0.5)  # so narrow that the lists it reads hold fewer
    for k in (100, 3000):
        answers = search.nearest(queries, k)
        assert [len({*rows} - {-1}) for rows in answers.rows.tolist()] == [k] * 5
    exact = np.sort(queries @ vectors.T)
    assert (search.nearest(queries, 100).cosines >= exact[:, -100:-99] - 1e-5).mean() >= 0.5


@pytest.mark.parametrize("kind", INDEX_KINDS)
def test_few_vectors_are_searched_too(kind):
    search, recall = VectorSearch.build([unit(1, 0)], kind, 1.0)
    assert recall == 1
    assert search.nearest(unit(1, 0), 1).rows.tolist() == [[0]]


def test_a_file_that_is_another_index_is_refused(tmp_path):
    search, _ = VectorSearch.build([unit(50, 0)], "flat", 1.0)
    search.write(tmp_path / "vectors")
    with pytest.raises(ValueError, match="holds 50 vectors of 16 in IndexFlatIP, and 51 of 16"):
        VectorSearch.read(tmp_path / "vectors", "flat", 16, 51)
    (tmp_path / "vectors").write_bytes(b"no index")
    with pytest.raises(ValueError, match="no readable index of faiss"):
        VectorSearch.read(tmp_path / "vectors", "flat", 16, 50)


def test_lists_in_another_file_are_not_opened(tmp_path):
    search, _ = VectorSearch.build([unit(50, 0)], IVF, 1.0)
    search.write(tmp_path / "inner")
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"\0" * 10_000)
    lists = faiss.OnDiskInvertedLists(search._index.nlist, search._index.code_size, str(foreign))
    search._index.replace_invlists(lists)
    search.write(tmp_path / "vectors")
    with pytest.raises(ValueError, match=r"no readable index|its lists are in another file"):
        VectorSearch.read(tmp_path / "vectors", IVF, 16, 50)


# --- statements


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run of fixed labels."""
    return trained(tmp_path_factory.mktemp("run") / "fixed", "objective=fixed_label")


@pytest.fixture
def model(run):
    return SymmetryModel.load(run)


def brute_force(model: SymmetryModel, sentence: str, statements: list[str]) -> list[tuple[float, str]]:
    """Every statement with its cosine, the lowest first."""
    [query] = model.encode([sentence], normalize=True)
    cosines = model.encode(statements, normalize=True) @ query
    return sorted(zip(cosines.tolist(), statements, strict=True))


def check_answers(index: StatementIndex, model: SymmetryModel, statements: list[str], k: int) -> None:
    for sentence in ("A borders E.", "H is a parent of D.", "something else"):
        answer = index.query(sentence, k)
        ordered = brute_force(model, sentence, statements)
        lowest = [cosine for cosine, _ in ordered if cosine < 0][:k]
        highest = [cosine for cosine, _ in ordered[::-1] if cosine > 0][:k]
        assert [hit.cosine for hit in answer.opposed] == pytest.approx(lowest, abs=1e-5)
        assert [hit.cosine for hit in answer.nearest] == pytest.approx(highest, abs=1e-5)
        cosines = dict((text, cosine) for cosine, text in ordered)
        for hit in answer.nearest + answer.opposed:
            assert hit.cosine == pytest.approx(cosines[hit.text], abs=1e-5)


def test_an_index_finds_the_nearest_and_the_most_opposed_of_all_its_parts(model, tmp_path):
    index = StatementIndex.build(model, STATEMENTS[:20], tmp_path / "index")
    check_answers(index, model, STATEMENTS[:20], 3)
    assert index.add([*STATEMENTS[15:], STATEMENTS[30]]) == 12
    assert len(index) == 32
    check_answers(index, model, STATEMENTS, 5)
    assert index.add(STATEMENTS) == 0
    # Loaded by itself, with the run that the index names.
    loaded = StatementIndex.load(tmp_path / "index")
    check_answers(loaded, model, STATEMENTS, 40)
    assert repr(loaded) == f"StatementIndex({str(tmp_path / 'index')!r}, 32 statements, flat)"


def test_a_query_itself_is_found_first_with_cosine_1(model, tmp_path):
    index = StatementIndex.build(model, STATEMENTS, tmp_path / "index", kind="hnsw", recall=1.0)
    assert index.recall == 1
    [hit] = index.query(STATEMENTS[7], 1).nearest
    assert hit.text == STATEMENTS[7]
    assert hit.cosine == pytest.approx(1, abs=1e-5)


def test_a_build_that_was_stopped_goes_on(model, tmp_path, monkeypatch):
    monkeypatch.setattr(index_folder, "BLOCK_ROWS", 8)
    encoded = []
    vectors = model.run.vectors

    def stopping(texts, advance=lambda count: None):
        encoded.extend(texts)
        if len(encoded) == 24:
            raise KeyboardInterrupt
        return vectors(texts, advance)

    monkeypatch.setattr(model.run, "vectors", stopping)
    with pytest.raises(KeyboardInterrupt):
        StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    with pytest.raises(FileNotFoundError, match="no index there"):
        StatementIndex.load(tmp_path / "index", model)
    index = StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    assert encoded == STATEMENTS[:24] + STATEMENTS[16:]
    monkeypatch.undo()
    check_answers(index, model, STATEMENTS, 4)
    assert sorted(path.name for path in (tmp_path / "index" / "part-00000").iterdir()) == [
        "texts.arrow",
        "vectors.faiss",
    ]


def test_other_statements_do_not_go_on_from_what_was_stopped(model, tmp_path, monkeypatch):
    monkeypatch.setattr(VectorSearch, "build", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        StatementIndex.build(model, STATEMENTS[:5], tmp_path / "index")
    monkeypatch.undo()
    index = StatementIndex.build(model, STATEMENTS[5:10], tmp_path / "index")
    check_answers(index, model, STATEMENTS[5:10], 5)


def test_another_encoder_is_refused(model, run, tmp_path):
    StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    other = trained(tmp_path / "other", "objective=fixed_label", "seed=7")
    with pytest.raises(ValueError, match=r"its vectors are of another encoder than that of .*other"):
        StatementIndex.load(tmp_path / "index", SymmetryModel.load(other))
    with pytest.raises(ValueError, match=r"computed in fp32, and .* is loaded in bf16"):
        StatementIndex.load(tmp_path / "index", SymmetryModel.load(run, precision="bf16"))


@pytest.mark.parametrize("objective", first_fast(["finetune", "random_label"]))
def test_a_run_whose_signs_say_nothing_is_refused(tmp_path, objective):
    run = trained(tmp_path / "run", f"objective={objective}")
    with pytest.raises(ValueError, match=r"Take a run of objective=fixed_label"):
        StatementIndex.build(SymmetryModel.load(run), STATEMENTS, tmp_path / "index")


def test_a_run_that_cuts_texts_elsewhere_is_another_encoder(model, run, tmp_path):
    StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    other = SymmetryModel.load(run)
    other.run.encoder.max_length -= 1
    with pytest.raises(ValueError, match="its vectors are of another encoder"):
        StatementIndex.load(tmp_path / "index", other)


def test_what_a_killed_call_left_of_a_part_goes_with_the_next(model, tmp_path):
    index = StatementIndex.build(model, STATEMENTS[:4], tmp_path / "index")
    blocks = tmp_path / "index" / "part-00000" / index_folder.BLOCKS
    blocks.mkdir()
    index.add(STATEMENTS[4:])
    assert not blocks.exists()


def test_two_writers_of_one_index_do_not_lose_each_others_statements(model, tmp_path, occupied):
    index = StatementIndex.build(model, STATEMENTS[:4], tmp_path / "index")
    other = StatementIndex.load(tmp_path / "index", model)
    assert other.add(STATEMENTS[4:8]) == 4
    with pytest.raises(ValueError, match="another process has added to it since"):
        index.add(STATEMENTS[8:])
    with occupied(tmp_path / "index"), pytest.raises(BlockingIOError, match="another process writes there"):
        other.add(STATEMENTS[8:])
    assert len(StatementIndex.load(tmp_path / "index", model)) == 8


@pytest.mark.parametrize("name", ["vectors.faiss", "texts.arrow"])
def test_a_file_that_is_cut_short_is_told(model, tmp_path, name):
    StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    path = tmp_path / "index" / "part-00000" / name
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(ValueError, match=rf"{name}: \d+ bytes, and {len(content)} were written"):
        StatementIndex.load(tmp_path / "index", model)
    path.write_bytes(bytes(len(content)))
    with pytest.raises(ValueError, match=rf"{name}: (no readable index|not readable)"):
        StatementIndex.load(tmp_path / "index", model)


def test_a_record_of_a_later_version_or_with_a_path_in_it_is_refused(model, tmp_path):
    StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    path = tmp_path / "index" / "index.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"format": 2}))
    with pytest.raises(ValueError, match="written by a later version"):
        StatementIndex.load(tmp_path / "index", model)
    record["parts"][0]["name"] = "../elsewhere"
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"index.json: parts.0.name"):
        StatementIndex.load(tmp_path / "index", model)


def test_what_is_no_statement_is_told_with_its_place(model, tmp_path):
    with pytest.raises(ValueError, match="no statement: an index holds at least one"):
        StatementIndex.build(model, [], tmp_path / "index")
    with pytest.raises(ValueError, match=r"statements\[1\]: is empty"):
        StatementIndex.build(model, ["a", " "], tmp_path / "index")
    index = StatementIndex.build(model, ["a"], tmp_path / "index")
    with pytest.raises(FileExistsError, match=r"holds an index. relsym index add folder="):
        StatementIndex.build(model, ["a"], tmp_path / "index")
    with pytest.raises(ValueError, match="k=0: at least 1"):
        index.query("a", 0)


def test_a_folder_with_something_else_is_left_alone(model, tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds something else \(mine.txt\)"):
        StatementIndex.build(model, STATEMENTS, tmp_path / "index")
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["mine.txt"]


def test_passages_are_ranked_by_what_speaks_for_a_sentence(model):
    ranked = model.rank("A borders E.", STATEMENTS)
    scores = model.scores([(text, "A borders E.") for text in STATEMENTS])
    of_entailment = scores[:, model.labels.index("entailment")]
    assert [one.score for one in ranked] == pytest.approx(
        sorted(of_entailment.tolist(), reverse=True), abs=1e-5
    )
    assert [STATEMENTS[one.place] for one in ranked] == [one.text for one in ranked]
    assert ranked[0].text == "A borders E."
    assert model.rank("a", []) == []


# --- the command


@pytest.fixture
def folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(run)
    (tmp_path / "texts.txt").write_text("\n".join([*STATEMENTS[:20], "", STATEMENTS[0]]) + "\n")
    return tmp_path


def built(relsym):
    return relsym("index", "build", "texts=texts.txt", "output=index", "model.folder=run")


def test_the_command_builds_adds_and_answers(relsym, folder, model):
    ended = built(relsym)
    assert ended.code == 0, ended.err
    assert "20 statements added" in ended.out
    assert "(1 were there already): 20 in all" in ended.out
    assert "relsym index query folder=index -- 'SENTENCE'" in ended.out
    pl.DataFrame({"sentence": STATEMENTS[10:], "id": range(22)}).write_csv("more.csv")
    ended = relsym("index", "add", "texts=more.csv", "index.column=sentence", "folder=index")
    assert ended.code == 0, ended.err
    assert "12 statements added" in ended.out
    assert "32 in all" in ended.out

    ended = relsym("index", "query", "folder=index", "k=2", "--", "A borders E.")
    assert ended.code == 0, ended.err
    ordered = brute_force(model, "A borders E.", STATEMENTS)
    lines = [line.strip() for line in ended.out.splitlines()]
    assert lines[0] == "A borders E."
    assert lines[1] == "nearest:"
    assert lines[2].split(maxsplit=1) == ["1.00", "A borders E."]
    assert lines[4] == "most opposed:"
    assert lines[5:] == [f"{cosine:.2f} {text}" for cosine, text in ordered[:2] if cosine < 0]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_many_sentences_are_answered_in_a_table(relsym, folder, model, ending):
    assert built(relsym).code == 0
    (folder / "questions.txt").write_text("A borders E.\r\n\r\nF borders B.\r\n")
    ended = relsym("index", "query", "folder=index", "texts=questions.txt", f"output=found.{ending}", "k=3")
    assert ended.code == 0, ended.err
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[ending]
    table = read(f"found.{ending}")
    assert table.columns == ["sentence", "side", "rank", "cosine", "text"]
    assert 6 <= table.height <= 2 * 2 * 3
    nearest = table.filter(sentence="F borders B.", side="nearest")
    ordered = brute_force(model, "F borders B.", STATEMENTS[:20])[::-1]
    assert nearest["cosine"].to_list() == pytest.approx([cosine for cosine, _ in ordered[:3]], abs=1e-5)
    assert (table.filter(side="opposed")["cosine"] < 0).all()


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt.jsonl", "parquet", "txt.gz", "TXT"])
def test_every_kind_of_file_gives_its_statements(relsym, folder, ending):
    table = pl.DataFrame({"number": [1, 2], "text": ["A, or B", 'C "and" D']})
    path = folder / f"table.{ending}"
    if ending == "csv":
        table.write_csv(path, include_bom=True)
    elif ending == "tsv":
        table.write_csv(path, separator="\t", quote_style="never")
    elif ending == "txt.jsonl":
        table.write_ndjson(path)
    elif ending == "parquet":
        table.write_parquet(path)
    elif ending == "TXT":
        path.write_text('  A, or B \nC "and" D')
    else:
        path.write_bytes(gzip.compress(b'A, or B\nC "and" D'))
    ended = relsym("index", "build", f"texts={path.name}", "output=index", "model.folder=run")
    assert ended.code == 0, ended.err
    index = StatementIndex.load("index")
    answer = index.query("a", 9)
    assert {hit.text for hit in answer.nearest + answer.opposed} == {"A, or B", 'C "and" D'}


WRONG = {
    "no action": (("texts=texts.txt",), "expected build, add, query as the first word"),
    "nothing": ((), "expected build, add, query as the first word"),
    "no texts": (
        ("build", "output=new", "model.folder=run"),
        "texts is not set: relsym index build texts=FILE",
    ),
    "no file": (("build", "output=new", "texts=no.txt", "model.folder=run"), "texts=no.txt: no such file"),
    "no column": (("build", "output=new", "texts=one.csv", "model.folder=run"), "index.column=NAME"),
    "blank": (
        ("build", "output=new", "texts=blank.txt", "model.folder=run"),
        "blank.txt: holds no statement",
    ),
    "empty": (
        ("build", "output=new", "texts=empty.txt", "model.folder=run"),
        "empty.txt: holds no statement",
    ),
    "NUL": (("build", "output=new", "texts=nul.txt", "model.folder=run"), "line 2 of nul.txt: holds a NUL"),
    "latin": (("build", "output=new", "texts=latin.txt", "model.folder=run"), "line 2"),
    "is there": (("build", "output=index", "texts=texts.txt", "model.folder=run"), "holds an index"),
    "no index": (("query", "folder=run", "--", "a"), "no index there"),
    "both": (("query", "folder=index", "texts=texts.txt", "--", "a"), "one of both"),
    "neither": (("query", "folder=index"), "expected sentences behind --, or texts=FILE"),
    "no output": (("query", "folder=index", "texts=texts.txt"), "texts=FILE and output=FILE go together"),
    "ending": (
        ("query", "folder=index", "texts=texts.txt", "output=a.xlsx"),
        "ends in .csv, .jsonl, .parquet",
    ),
    "output there": (("query", "folder=index", "texts=texts.txt", "output=one.csv"), "is there already"),
    "empty sentence": (("query", "folder=index", "--", ""), "a sentence behind -- is empty"),
    "no sentence": (("query", "folder=index", "--"), "no sentence behind --"),
    "texts behind": (("add", "folder=index", "texts=texts.txt", "--", "a"), "are for relsym index query"),
    "wrong option": (
        ("add", "folder=index", "texts=texts.txt", "output=a"),
        "output is not for relsym index add",
    ),
    "kind of another": (
        ("add", "folder=index", "texts=texts.txt", "index.kind=ivf"),
        "index.kind is not for",
    ),
    "column of lines": (
        ("add", "folder=index", "texts=texts.txt", "index.column=a"),
        "index.column is of tables",
    ),
    "k of a build": (
        ("build", "output=new", "texts=texts.txt", "model.folder=run", "k=3"),
        "k is not for relsym index build",
    ),
    "trust": (
        ("query", "folder=index", "model.trust_remote_code=true", "--", "a"),
        "code is trusted only in a run that is named",
    ),
    "kind": (("build", "output=new", "texts=texts.txt", "model.folder=run", "index.kind=lsh"), "index.kind"),
    "recall": (
        ("build", "output=new", "texts=texts.txt", "model.folder=run", "index.recall=2"),
        "index.recall",
    ),
    "many runs": (
        ("query", "folder=index", "k=1,2", "-m", "--", "a"),
        "this command does one thing at a time",
    ),
}


def test_what_does_not_work_is_told(relsym, folder):
    assert built(relsym).code == 0
    (folder / "one.csv").write_text("sentence\na\n")
    (folder / "blank.txt").write_text("\n  \n")
    (folder / "empty.txt").write_text("")
    (folder / "nul.txt").write_bytes(b"a\nb\0\n")
    (folder / "latin.txt").write_bytes("a\nein Bär\n".encode("latin1"))
    for name, (words, message) in WRONG.items():
        ended = relsym("index", *words)
        assert ended.code == 1, name
        assert message in ended.err, (name, ended.err)
        assert "Traceback" not in ended.err, name
        assert not (folder / "new").exists(), name


def test_an_index_whose_run_has_moved_takes_the_one_that_is_named(relsym, folder):
    assert built(relsym).code == 0
    Path("run").rename("moved")
    ended = relsym("index", "query", "folder=index", "--", "a")
    assert ended.code == 1
    assert "model.folder=" in ended.err
    assert relsym("index", "query", "folder=index", "model.folder=moved", "--", "a").code == 0


def test_brackets_of_a_statement_are_shown_as_they_are(relsym, folder):
    (folder / "texts.txt").write_text("[bold]A[/bold] \x1b[31mborders B\n")
    assert built(relsym).code == 0
    ended = relsym("index", "query", "folder=index", "--", "[red]a")
    assert "[bold]A[/bold] \\x1b[31mborders B" in ended.out
    assert ended.out.startswith("[red]a")


def test_the_package_says_what_it_has(shell):
    code = "import relsym, sys; print(dir(relsym), 'torch' in sys.modules); relsym.StatementIndex.load"
    ended = shell(sys.executable, "-c", code)
    assert ended.out.strip() == "['StatementIndex', 'SymmetryModel', '__version__', 'check_statements'] False"
