"""Texts in other encodings: a byte order mark or a setting tells them, and a message names what to do."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import logging
import lzma
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from relsym.data.relations import read_relations
from relsym.data.sources.nli import NliSource
from relsym.data.sources.table import TripleTable
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.models.prompts import read_prompts
from relsym.runs.plain_yaml import yaml_text
from relsym.text_encoding import TextEncoding, checked_encoding, text_of

FACTS = "Q1\tP40\tQ2\r\nQ3\tP40\tQ4\r\n"
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
NLI_ROW = {"premise": "Zoë sings.", "hypothesis": "Zoë rests.", "label": "neutral"}


def as_text(path: Path, text: str, encoding: str, mark: bytes = b"") -> Path:
    path.write_bytes(mark + text.encode(encoding))
    return path


def facts_in(path: Path, **options) -> list[tuple[str, ...]]:
    return TripleTable(path, **options).read(["P40"]).triples.rows()


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("name", ["facts.tsv", "facts.csv", "facts.jsonl", "facts.tsv.gz"])
def test_a_byte_order_mark_tells_the_encoding_of_every_text(tmp_path, name, encoding, caplog):
    caplog.set_level(logging.INFO)
    names = "subject\tproperty\tobject\r\n"
    text = names + FACTS
    if "csv" in name:
        text = text.replace("\t", ",")
    if "jsonl" in name:
        keys = ("subject", "property", "object")
        rows = [dict(zip(keys, line.split("\t"), strict=True)) for line in FACTS.splitlines()]
        text = "".join(json.dumps(row) + "\n" for row in rows)
    path = as_text(tmp_path / name, text, encoding, MARKED[encoding])
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert facts_in(path) == [("Q1", "P40", "Q2"), ("Q3", "P40", "Q4")]
    if encoding != "utf-8":
        assert f"{name}: read as {encoding}, by its byte order mark" in caplog.text


@pytest.mark.parametrize(("encoding", "iconv"), [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")])
@pytest.mark.parametrize("text", [FACTS, "köln\tP40\tкиїв\n", "東京\tP40\t大阪\n" * 9])
def test_utf_16_without_a_mark_is_named_and_read_when_told(tmp_path, text, encoding, iconv):
    path = as_text(tmp_path / "facts.tsv", text, encoding)
    told = (
        f"facts.tsv: not UTF-8, but {iconv} without .*Pass data.encoding={encoding}, or .*iconv -f {iconv} "
    )
    with pytest.raises(ValueError, match=told):
        facts_in(path)
    first = tuple(text.splitlines()[0].split("\t"))
    assert facts_in(path, encoding=encoding)[0] == first


@pytest.mark.parametrize(
    ("encoding", "advised", "iconv", "city"),
    [("latin1", "latin1", "ISO-8859-1", "Zürich"), ("cp1252", "cp1252", "CP1252", "Zürich €")],
)
def test_a_byte_that_is_no_utf_8_leads_to_the_name_of_an_encoding(tmp_path, encoding, advised, iconv, city):
    path = as_text(tmp_path / "facts.tsv", f"a\tP40\tb\n{city}\tP40\tb\n", encoding)
    told = (
        rf"line 2 of .*facts\.tsv: not UTF-8 \(byte 1: 0xfc\)\. Pass data\.encoding={advised}, .*-f {iconv} "
    )
    with pytest.raises(ValueError, match=told):
        facts_in(path)
    assert facts_in(path, encoding=encoding)[1] == (city, "P40", "b")


def test_a_damaged_place_in_a_text_of_utf_8_is_no_other_encoding(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_bytes("Zürich\tP40\tb\n".encode() + b"Z\xfc\tP40\tb\n")
    with pytest.raises(
        ValueError, match=r"line 2 .*before it is UTF-8, so that this place is damaged"
    ) as error:
        facts_in(path)
    assert "iconv" not in str(error.value)


def test_what_is_not_in_the_encoding_that_was_told_is_refused_with_its_line(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_bytes(b"a\tP40\tb\n" * 3 + b"\x81\tP40\tb\n")
    with pytest.raises(ValueError, match=r"line 4 of .*not CP1252.*Check data\.encoding=cp1252"):
        facts_in(path, encoding="cp1252")
    path.write_bytes(codecs.BOM_UTF16_LE + "a\tP40\tb\n".encode("utf-16-le")[:-1])
    with pytest.raises(
        ValueError, match=r"line 1 of .*not UTF-16-LE \(truncated data\)\. Its byte order mark says"
    ):
        facts_in(path)


NO_FILES = ["punycode", "idna", "unicode_escape", "undefined"]


@pytest.mark.parametrize("name", ["nothing", "rot13", "zip", "base64", *NO_FILES])
def test_an_encoding_that_is_none_is_refused(tmp_path, name):
    path = as_text(tmp_path / "facts.tsv", FACTS, "utf-8")
    with pytest.raises(ValueError, match=f"data.encoding={name}: no encoding of texts"):
        TripleTable(path, encoding=name)


def test_labels_and_folders_are_read_in_the_same_encoding(tmp_path):
    as_text(tmp_path / "triples.tsv", FACTS, "utf-16-le", codecs.BOM_UTF16_LE)
    as_text(tmp_path / "entities.tsv", "Q1\tZoë\nQ2\tBo\n", "latin1")
    with pytest.raises(ValueError, match=r"entities\.tsv: not UTF-8 .*Pass data\.encoding=latin1"):
        Wikidata5MFolder(str(tmp_path)).read(["P40"])
    source = Wikidata5MFolder(str(tmp_path), encoding="latin1").read(["P40"])
    assert source.triples.height == 2
    labels = as_text(tmp_path / "labels.json", '{"Q1": "Zoë", "Q2": 1984}', "latin1")
    with pytest.raises(ValueError, match=r"labels\.json, line 1: not UTF-8 .*Pass data\.encoding=latin1"):
        TripleTable(tmp_path / "triples.tsv", entities=labels).read(["P40"])
    of_json = TripleTable(tmp_path / "triples.tsv", entities=labels, encoding="latin1").read(["P40"])
    assert dict(of_json.labels.iter_rows()) == {"Q1": "Zoë", "Q2": "1984"}
    assert dict(source.labels.iter_rows()) == {"Q1": "Zoë", "Q2": "Bo"}


def test_nli_rows_are_read_in_the_encoding_that_their_own_setting_names(tmp_path):
    text = json.dumps(NLI_ROW, ensure_ascii=False) + "\n"
    for name in ("train.jsonl", "test.jsonl"):
        as_text(tmp_path / name, text, "latin1")
    with pytest.raises(ValueError, match=r"Pass data\.encoding=latin1"):
        list(NliSource("nli", str(tmp_path)).rows("train", Counter()))
    of_forgetting = NliSource("nli", str(tmp_path), on_bad_row_key="forgetting.on_bad_row")
    with pytest.raises(ValueError, match=r"Pass forgetting\.encoding=latin1"):
        list(of_forgetting.rows("train", Counter()))
    [row] = NliSource("nli", str(tmp_path), encoding="latin1").rows("train", Counter())
    assert (row.premise, row.hypothesis) == ("Zoë sings.", "Zoë rests.")


@pytest.mark.parametrize("encoding", MARKED)
def test_tables_in_yaml_may_have_a_byte_order_mark(tmp_path, encoding):
    wording = "knows: {name: knows, kind: symmetric, template: '[X] knows [Y].'}\n"
    path = as_text(tmp_path / "table.yaml", wording, encoding, MARKED[encoding])
    assert list(read_relations(path)) == ["knows"]


def test_a_property_table_and_prompts_in_another_encoding_are_refused_with_what_to_do(tmp_path):
    path = as_text(tmp_path / "mine.yaml", "# one\nü: ä\n", "latin1")
    told = (
        r"mine\.yaml, line 2: not UTF-8 \(byte 0xfc\)\. Convert it, .*iconv -f ISO-8859-1 -t UTF-8 mine\.yaml"
    )
    for reader in (read_relations, read_prompts):
        with pytest.raises(ValueError, match=told):
            reader(str(path))
    # What Hydra reads too has to be UTF-8.
    as_text(path, "a: 1\n", "utf-16-le", codecs.BOM_UTF16_LE)
    with pytest.raises(ValueError, match="iconv -f UTF-16LE -t UTF-8"):
        yaml_text(path)


def test_a_text_with_a_nul_in_it_is_no_utf_16():
    text = "a\x00b\tc\n" * 200
    assert text_of(text.encode(), "x") == text
    assert checked_encoding(None) == TextEncoding(None, "data.encoding")


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_an_encoding_that_is_told_by_its_mark_needs_one(tmp_path, name):
    path = as_text(tmp_path / "facts.tsv", FACTS, f"{name}-be")
    advice = rf"facts\.tsv: data\.encoding={name} .*Pass data\.encoding={name}-le or data\.encoding={name}-be"
    with pytest.raises(ValueError, match=advice):
        facts_in(path, encoding=name)
    with pytest.raises(ValueError, match=advice):
        text_of(path.read_bytes(), str(path), checked_encoding(name))
    assert text_of(FACTS.encode(name), "x", checked_encoding(name)) == FACTS
    assert facts_in(path, encoding=f"{name}-be")[0][1] == "P40"


def zipped(content: bytes) -> bytes:
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        archive.writestr("facts.tsv", content)
    return stream.getvalue()


def tarred(content: bytes) -> bytes:
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w") as archive:
        entry = tarfile.TarInfo("facts.tsv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("xz", lzma.compress),
        ("zip", zipped),
        ("tar", tarred),
        ("zstd", lambda content: b"\x28\xb5\x2f\xfd\x24\x05" + content),
    ],
)
@pytest.mark.parametrize("encoding", [None, "cp1252", "utf-16-le"])
def test_packed_bytes_under_another_name_are_called_so(tmp_path, packing, pack, encoding):
    path = tmp_path / "facts.tsv"
    path.write_bytes(pack(FACTS.encode()))
    for name in ("facts.tsv", "facts.csv", "labels.json", "facts.jsonl"):
        path = path.rename(tmp_path / name)
        options = {"entities": path} if name == "labels.json" else {}
        facts = as_text(tmp_path / "sound.tsv", FACTS, encoding or "utf-8") if options else path
        with pytest.raises(ValueError, match=rf"{name}: packed \({packing}.*Unpack it") as error:
            facts_in(facts, encoding=encoding, **options)
        assert "iconv" not in str(error.value)
        assert "cp1252" not in str(error.value)
    with pytest.raises(ValueError, match=rf"packed \({packing}.* Unpack it\.$"):
        text_of(path.read_bytes(), "answers.csv")


@pytest.mark.parametrize("suffix", ["zip", "xz", "zst"])
def test_a_packing_that_is_not_read_is_named_by_its_ending(tmp_path, suffix):
    path = tmp_path / f"facts.tsv.{suffix}"
    path.write_bytes(lzma.compress(FACTS.encode()))
    with pytest.raises(ValueError, match=rf"packed \(\.{suffix}\).*Unpack it") as error:
        facts_in(path)
    assert "data.format" not in str(error.value)
    with pytest.raises(ValueError, match=r"packed \(xz\)"):
        facts_in(path, format="tsv")


@pytest.mark.parametrize(("suffix", "pack", "unpack"), [("gz", gzip, "gzip -dc"), ("bz2", bz2, "bzip2 -dc")])
def test_a_packed_text_is_unpacked_before_it_is_converted(tmp_path, suffix, pack, unpack):
    path = tmp_path / f"facts.tsv.{suffix}"
    path.write_bytes(pack.compress("Zoë\tP40\tb\n".encode("latin1")))
    command = rf"{unpack} {path.name} \| iconv -f ISO-8859-1 -t UTF-8 > utf8-facts\.tsv$"
    with pytest.raises(ValueError, match=command):
        facts_in(path)


@pytest.mark.parametrize("name", ["facts.tsv", "facts.csv", "ids.txt"])
def test_carriage_returns_alone_end_no_lines(tmp_path, name):
    facts = as_text(tmp_path / name, FACTS.replace("\n", "\r"), "utf-8")
    options = {"entity_ids": facts} if name == "ids.txt" else {}
    path = as_text(tmp_path / "sound.tsv", FACTS, "utf-8") if options else facts
    with pytest.raises(ValueError, match=rf"{name}: its lines end with a carriage return alone.* tr "):
        facts_in(path, **options)
    path = tmp_path / "packed.tsv.gz"
    path.write_bytes(gzip.compress(b"Q1\tP40\tQ2\rQ3\tP40\tQ4"))
    with pytest.raises(ValueError, match=r"gzip -dc packed\.tsv\.gz \| tr .* > lines-packed\.tsv$"):
        facts_in(path)
