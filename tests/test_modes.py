"""Who may read what is written: as the umask says, and of caches the user alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import numpy as np
import pytest

from relsym.data.caches import write_cached
from relsym.data.sources.fetch import fetch
from relsym.models.server.cache import AnswerCache
from relsym.runs.files import write_atomically
from relsym.runs.folder import RunFolder
from relsym.runs.modes import make_private


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_every_file_of_a_run_has_the_mode_of_the_umask(relsym, quick, tmp_path, umask):
    ended = relsym("train", *quick)
    assert ended.code == 0, ended.err
    names = {path.name for path in (tmp_path / "run").rglob("*")}
    assert names >= {"model.safetensors", "probe.safetensors", "tokenizer.json", "results.json"}
    for path in (tmp_path / "run").rglob("*"):
        assert mode(path) == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_a_file_that_is_run_stays_one_and_a_link_is_left(tmp_path, umask):
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o640)

    def writer(folder: Path) -> None:
        folder.mkdir(mode=0o700)
        (folder / "inner").mkdir(mode=0o700)
        for name, bits in (("plain", 0o600), ("tool", 0o700)):
            (folder / "inner" / name).touch()
            (folder / "inner" / name).chmod(bits)
        (folder / "link").symlink_to(outside)
        (folder / "nowhere").symlink_to(tmp_path / "missing")

    made = write_atomically(tmp_path / "made", writer)
    assert mode(made) == mode(made / "inner") == mode(made / "inner" / "tool") == 0o777 & ~umask
    assert mode(made / "inner" / "plain") == 0o666 & ~umask
    assert mode(outside) == 0o640
    assert (made / "nowhere").is_symlink()


def test_a_folder_keeps_the_bit_that_hands_its_group_on(tmp_path):
    def writer(folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o2700)

    assert mode(write_atomically(tmp_path / "made", writer)) & 0o7000 == 0o2000


def test_tensors_can_be_read_by_those_who_can_read_the_rest(tmp_path, umask):
    folder = RunFolder(tmp_path)
    tensors = folder.write_tensors("probe.safetensors", {"weight": np.zeros(2)})
    text = folder.write_text("config.yaml", "a: 1\n")
    assert mode(tensors) == mode(text) == 0o666 & ~umask


def test_folders_of_caches_are_the_users_alone_whatever_the_umask(tmp_path, umask, sleeps):
    AnswerCache(tmp_path / "a" / "answers")
    write_cached(tmp_path / "b" / "sparql" / "x.json", [1], "")
    with pytest.raises(ConnectionError):
        fetch("http://127.0.0.1:1/f.tsv", tmp_path / "c" / "files", "unverified", retries=0)
    for name in ("a", "a/answers", "b", "b/sparql", "c", "c/files"):
        assert mode(tmp_path / name) == 0o700, name


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    make_private(shared / "own" / "cache")
    make_private(shared)
    assert mode(shared) == 0o775
    assert mode(shared / "own") == 0o700
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match="file"):
        make_private(file / "below")
