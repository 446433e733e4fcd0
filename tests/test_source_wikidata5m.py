"""The Wikidata5M raw files: layouts, archives, bad rows."""

from __future__ import annotations

import bz2
import gzip
import tarfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks_of import RELATIONS
from relsym.data import blocks
from relsym.data.sources import wikidata5m
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.triples import TripleSource


def folder(
    tmp_path: Path, triples: str = "Q1\tP131\tQ2\n", entities: str = "Q1\tone\tuno\nQ2\ttwo\n", **names: str
) -> Path:
    (tmp_path / names.get("triples_name", "triples.tsv")).write_text(triples)
    (tmp_path / names.get("entities_name", "entities.tsv")).write_text(entities)
    return tmp_path


def read(path: Path, **changes) -> TripleSource:
    return Wikidata5MFolder(str(path), **changes).read(RELATIONS)


def test_labels_are_read_without_aliases_and_other_properties_counted(tmp_path):
    source = read(folder(tmp_path, "Q1\tP131\tQ2\nQ1\tP47\tQ2\n"))
    assert source.triples.rows() == [("Q1", "P131", "Q2")]
    assert dict(source.labels.rows()) == {"Q1": "one", "Q2": "two"}
    assert source.dropped == {"other property": 1}
    assert source.read == 2


def test_gzipped_raw_files_of_all_parts_are_read(tmp_path):
    for part, line in (("train", "Q1\tP131\tQ2\n"), ("valid", "Q2\tP131\tQ3\n")):
        (tmp_path / f"wikidata5m_transductive_{part}.txt.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "wikidata5m_entity.txt.gz").write_bytes(gzip.compress(b"Q1\ta\nQ2\tb\nQ3\tc\n"))
    assert read(tmp_path).triples.height == 2


def test_a_named_file_or_glob_wins_over_the_search(tmp_path):
    folder(tmp_path)
    (tmp_path / "other.txt").write_text("Q2\tP131\tQ1\n")
    assert read(tmp_path, triples="oth*.txt").triples.rows() == [("Q2", "P131", "Q1")]


def test_two_candidates_are_an_error_that_lists_them(tmp_path):
    folder(tmp_path)
    (tmp_path / "wikidata5m_all_triplet.txt").write_text("Q1\tP131\tQ2\n")
    with pytest.raises(
        ValueError, match=r"several candidates.*triples\.tsv.*wikidata5m_all_triplet\.txt.*data\.triples="
    ):
        Wikidata5MFolder(str(tmp_path))


@pytest.mark.parametrize(
    ("triples", "entities", "message"),
    [
        (
            "Q1\tP131\n",
            "Q1\ta\nQ2\tb\n",
            r"line 1 of .*triples\.tsv: expected 3 tab-separated fields.*got 2.*data\.on_bad_row=skip",
        ),
        ("Q1\tQ131\tQ2\n", "Q1\ta\nQ2\tb\n", r"property P-id"),
        ("Q1\tP131\tQ2\tQ3\n", "Q1\ta\nQ2\tb\n", r"line 1 of .*got 4"),
        ("Q1\tP131\tQ2\nX\tP131\tQ2\n", "Q1\ta\n", r"line 2 of .*triples\.tsv"),
        ("Q1\tP131\tQ2\n\n\tP131\tQ2\n", "Q1\ta\n", r"line 3 of .*triples\.tsv"),
        ("Q1\tP131\tQ2\n", "Q1\ta\nQ2\n", r"line 2 of .*entities\.tsv: expected at least 2"),
        ("Q1\tP131\tQ2\n", "Q1\ta\nP2\tb\n", r"line 2 of .*entities\.tsv"),
        ("", "Q1\ta\n", r"triples\.tsv: the file is empty"),
        ("Q1\tP131\tQ2\n", "", r"entities\.tsv: the file is empty"),
        ("Q1\tP47\tQ2\n", "Q1\ta\n", r"no statement of the chosen properties among 1 rows"),
    ],
)
def test_bad_files_are_refused_with_the_advice(tmp_path, triples, entities, message):
    with pytest.raises(ValueError, match=message):
        read(folder(tmp_path, triples, entities))


def test_bytes_that_are_not_utf8_are_located(tmp_path):
    folder(tmp_path)
    (tmp_path / "entities.tsv").write_bytes(b"Q1\tone\nQ2\tM\xfcnchen\n")
    with pytest.raises(ValueError, match=r"line 2 of .*entities\.tsv: not UTF-8 \(byte 4: 0xfc\).*iconv"):
        read(tmp_path)


def test_bad_rows_can_be_dropped_and_are_counted(tmp_path):
    found = read(
        folder(tmp_path, "Q1\tP131\nQ1\tP131\tQ2\nQ1\tP131\tQ9\nQ1\tP47\tQ2\n", "Q1\tone\nQ2\nx\ty\n"),
        on_bad_row="skip",
    )
    assert found.triples.rows() == [("Q1", "P131", "Q2"), ("Q1", "P131", "Q9")]
    assert found.dropped == {"bad row": 1, "other property": 1}
    assert found.notes == {"bad entity row": 2}
    assert found.read == 4


def test_an_entity_without_a_label_is_simply_absent(tmp_path):
    found = read(folder(tmp_path, "Q1\tP131\tQ2\n", "Q1\tone\nQ2\t \nQ3\t\tthree\n"))
    assert dict(found.labels.rows()) == {"Q1": "one"}


def test_the_first_of_two_labels_is_taken(tmp_path):
    assert dict(read(folder(tmp_path, entities="Q1\tone\nQ1\tother\nQ2\ttwo\n")).labels.rows())["Q1"] == "one"


def test_windows_line_ends_and_a_last_line_without_its_end_are_read(tmp_path):
    (tmp_path / "triples.tsv").write_bytes(b"Q1\tP131\tQ2\r\nQ2\tP131\tQ3")
    (tmp_path / "entities.tsv").write_bytes(b"Q1\tone\r\nQ2\ttwo\r\nQ3\tthree")
    found = read(tmp_path)
    assert found.triples.rows() == [("Q1", "P131", "Q2"), ("Q2", "P131", "Q3")]
    assert dict(found.labels.rows()) == {"Q1": "one", "Q2": "two", "Q3": "three"}


@pytest.mark.slow
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from(["P131", "P47", "P22"]), st.integers(1, 30)),
        min_size=1,
        max_size=60,
    ),
    size=st.integers(1, 200),
)
def test_blocks_of_any_size_give_the_rows_that_a_loop_over_lines_gives(rows, size):
    lines = [f"Q{s}\t{p}\tQ{o}\n" for s, p, o in rows] + ["Q1\tP131\tQ2\n"]
    with (
        TemporaryDirectory() as place,
        patch("relsym.data.blocks.BLOCK", size),
        patch.object(blocks.line_blocks, "__defaults__", (size, "*")),
    ):
        path = folder(Path(place), "".join(lines), "".join(f"Q{i}\tname {i}\talias\n" for i in range(1, 31)))
        found = read(path)
    expected = [tuple(line.split()) for line in lines if line.split()[1] in RELATIONS]
    assert found.triples.rows() == expected
    assert dict(found.labels.rows()) == {q: f"name {q[1:]}" for s, _, o in expected for q in (s, o)}


def archive(path: Path, **members: str) -> None:
    with tarfile.open(path, "w:gz") as out:
        for name, text in members.items():
            entry = tarfile.TarInfo(f"folder/{name}.txt")
            entry.size = len(text.encode())
            out.addfile(entry, BytesIO(text.encode()))


def test_the_archives_of_the_official_site_are_read_as_they_are(tmp_path):
    archive(
        tmp_path / "wikidata5m_transductive.tar.gz",
        wikidata5m_transductive_train="Q1\tP131\tQ2\n",
        readme="no triples",
        wikidata5m_transductive_valid="Q2\tP131\tQ3\n",
    )
    archive(
        tmp_path / "wikidata5m_alias.tar.gz",
        wikidata5m_relation="P131\tin\n",
        wikidata5m_entity="Q1\ta\nQ2\tb\nQ3\tc\n",
    )
    found = read(tmp_path)
    assert found.triples.rows() == [("Q1", "P131", "Q2"), ("Q2", "P131", "Q3")]
    assert found.labels.height == 3
    archive(tmp_path / "wikidata5m_alias.tar.gz", other="x")
    with pytest.raises(
        FileNotFoundError,
        match=r"wikidata5m_alias\.tar\.gz: the archive has no file named wikidata5m_entity\.txt",
    ):
        read(tmp_path)


@pytest.mark.parametrize("name", ["half.gz", "half.bz2", "half.tar.gz"])
def test_a_damaged_or_shortened_file_is_named(tmp_path, name):
    folder(tmp_path)
    rows = "".join(f"Q{i}\tP131\tQ{i * 7919 % 10007 + 1}\n" for i in range(1, 5000))
    if name.endswith("tar.gz"):
        archive(tmp_path / "whole", rows=rows)
        whole = (tmp_path / "whole").read_bytes()
    else:
        whole = (gzip if name.endswith("gz") else bz2).compress(rows.encode())
    for cut in (whole[:-20], whole[: len(whole) // 2]):
        (tmp_path / name).write_bytes(cut)
        with pytest.raises(ValueError, match=rf"{name}: damaged or cut short.*Fetch it again"):
            read(tmp_path, triples=name)
    (tmp_path / name).write_bytes(b"no such format at all")
    with pytest.raises(ValueError, match="damaged or cut short"):
        read(tmp_path, triples=name)


def test_files_are_fetched_from_urls_once_with_their_checksum(tmp_path, monkeypatch):
    asked = []

    def fetch(url: str, into: Path, sha256: str) -> Path:
        asked.append((url, sha256))
        folder(into)
        return into / "triples.tsv"

    monkeypatch.setattr(wikidata5m, "fetch", fetch)
    assert (
        read(tmp_path, urls=[{"url": "https://example.org/triples.tsv", "sha256": "ab"}]).triples.height == 1
    )
    assert asked == [("https://example.org/triples.tsv", "ab")]
    with pytest.raises(ValueError, match=r"data\.urls: each entry needs url and sha256"):
        Wikidata5MFolder(str(tmp_path), urls=[{"url": "https://example.org"}])


def test_a_missing_folder_and_an_unset_one_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder.*data\.folder=PATH"):
        Wikidata5MFolder(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"data\.folder is not set"):
        Wikidata5MFolder(None)


def test_each_file_is_told_with_its_rows_and_negatives_that_a_pattern_takes_are_warned_of(tmp_path, caplog):
    caplog.set_level("INFO")
    folder(tmp_path, "Q1\tP131\tQ2\n", "Q1\tone\nQ2\ttwo\n")
    (tmp_path / "triples_neg.tsv").write_text("Q2\tP131\tQ1\n")
    assert read(tmp_path).read == 1
    assert caplog.messages == ["data.triples: triples.tsv, rows: 1", "data.entities: entities.tsv, rows: 2"]
    assert read(tmp_path, triples="triples*.tsv").read == 2
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("data.triples=triples*.tsv takes triples_neg.tsv (rows: 1): ")


@pytest.mark.parametrize("on_bad_row", ["error", "skip"])
def test_a_line_of_column_names_is_no_statement(tmp_path, on_bad_row):
    path = folder(tmp_path, "subject\tproperty\tobject\nQ1\tP131\tQ2\n", "id\tlabel\nQ1\tone\nQ2\ttwo\n")
    if on_bad_row == "error":
        with pytest.raises(
            ValueError, match=r"line 1 of .*triples\.tsv: .*got 3: 'subject  property  object'"
        ):
            read(path)
        return
    found = read(path, on_bad_row="skip")
    assert found.triples.rows() == [("Q1", "P131", "Q2")]
    assert (found.dropped["bad row"], found.notes["bad entity row"]) == (1, 1)
