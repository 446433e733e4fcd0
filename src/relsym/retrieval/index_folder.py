"""An index of statements on disk: parts that are written once and stay, and a record that lists them.

``index.json`` comes last, in one step: what it does not list is not there. A part that was stopped while it
was written keeps its vectors in blocks, and goes on from them if the same statements are added again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, overload

import msgspec
import numpy as np
import pyarrow as pa
from jaxtyping import Float
from numpy import ndarray

from relsym.data.progress import progress
from relsym.models.base import Advance
from relsym.retrieval.vector_search import VectorSearch
from relsym.runs.decoding import Proportion, Sha256, decode, encode
from relsym.runs.files import remove, size_of, write_atomically, write_text_atomically
from relsym.runs.layout import INDEX, LOCK, PARTIAL, PLAN, STATEMENTS, VECTORS

INDEX_FORMAT = 1
BLOCKS = "blocks"  # the vectors of a part that is being written
BLOCK_ROWS = 8192
TEXT_COLUMN = "text"
REBUILD = "Build the index again, in another folder."
# What gives statements their vectors, of length 1, and calls the function with the number that are done.
Vectorize = Callable[[Sequence[str], Advance], Float[ndarray, "n dim"]]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class IndexPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one call has added.

    name: of its folder.
    statements: how many.
    recall: the share of the nearest that a search finds, as it was measured.
    bytes_of_vectors, bytes_of_texts: the sizes of its files.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^part-\d{5}\Z")]
    statements: AtLeastOne
    recall: Proportion
    bytes_of_vectors: AtLeastOne
    bytes_of_texts: AtLeastOne


class IndexRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``index.json``.

    relsym: the version that wrote it.
    run: the folder of the run whose encoder made the vectors; null: the one that relsym came with.
    encoder: hash of the run's weights and of how it reads a text.
    precision: that it encoded in.
    dim: channels of a vector.
    kind, wanted_recall: how each part is searched; see ``VectorSearch``.
    parts: in the order in which they were added.
    """

    relsym: str
    run: str | None
    encoder: Sha256
    precision: Literal["fp32", "bf16"]
    dim: AtLeastOne
    kind: Literal["flat", "ivf", "hnsw"]
    wanted_recall: Proportion
    parts: tuple[IndexPart, ...]
    format: int = INDEX_FORMAT


class BlockFiles(Sequence[ndarray]):
    """The vectors of a part while it is written: files of some thousand, read when they are asked for.

    Args:
        folder: that they lie in.
        plan: a hash of all that they depend on; those of another one are deleted.
    """

    def __init__(self, folder: Path, plan: str) -> None:
        self.folder = folder
        plan_file = folder / PLAN
        if not (plan_file.is_file() and plan_file.read_text(encoding="utf-8") == plan):
            remove(folder)
            folder.mkdir(parents=True)
            write_text_atomically(plan_file, plan)

    def fill(self, texts: Sequence[str], vectorize: Vectorize) -> None:
        """Encode what was not encoded yet."""
        with progress("encoding", len(texts)) as advance:
            for number, start in enumerate(range(0, len(texts), BLOCK_ROWS)):
                block = texts[start : start + BLOCK_ROWS]
                path = self._path(number)
                if path.exists():
                    advance(len(block))
                    continue
                vectors = vectorize(block, advance)
                write_atomically(path, lambda target, vectors=vectors: _write_array(target, vectors))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.npy"

    def __len__(self) -> int:
        return len(list(self.folder.glob("*.npy")))

    @overload
    def __getitem__(self, number: int) -> ndarray: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[ndarray]: ...
    def __getitem__(self, number: int | slice) -> ndarray | Sequence[ndarray]:
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        if not 0 <= number < len(self):
            raise IndexError(number)
        return np.load(self._path(number), mmap_mode="r", allow_pickle=False)


def add_part(folder: Path, record: IndexRecord, texts: Sequence[str], vectorize: Vectorize) -> IndexRecord:
    """Write the statements and their vectors as one more part.

    Args:
        folder: of the index, which no other process may write to meanwhile.
        record: of the index as it is; without parts for a new one.
        texts: at least one, all different.
        vectorize: encodes them.

    Returns:
        The record with the new part, which stands in the folder by now.
    """
    for part in record.parts:  # a call that was killed may have left them
        remove(folder / part.name / BLOCKS)
    name = f"part-{len(record.parts):05}"
    place = folder / name
    content = [record.encoder, record.precision, *texts]
    plan = sha256(json.dumps(content).encode()).hexdigest()
    blocks = BlockFiles(place / BLOCKS, plan)
    blocks.fill(texts, vectorize)
    search, recall = VectorSearch.build(blocks, record.kind, record.wanted_recall)
    write_atomically(place / VECTORS, search.write)
    write_atomically(place / STATEMENTS, lambda target: _write_texts(target, texts))
    part = IndexPart(name, len(texts), recall, size_of(place / VECTORS), size_of(place / STATEMENTS))
    record = msgspec.structs.replace(record, parts=(*record.parts, part))
    write_text_atomically(folder / INDEX, encode(record))
    remove(place / BLOCKS)
    return record


def read_index_record(folder: Path) -> IndexRecord:
    """The record of an index.

    Raises:
        FileNotFoundError: there is no index, or none that was finished.
        ValueError: it is damaged, or of another version.
    """
    if not (folder / INDEX).is_file():
        raise FileNotFoundError(
            f"{folder}: no index there ({INDEX} is missing). Pass the folder of a relsym index build that "
            "ended."
        )
    return decode(folder / INDEX, IndexRecord, INDEX_FORMAT, REBUILD)


def check_new(folder: Path) -> None:
    """Refuse a folder that holds an index, or something that no stopped call has left.

    Raises:
        FileExistsError: naming what is there.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if INDEX in names:
        raise FileExistsError(
            f"{folder} holds an index. relsym index add folder={folder} adds to it; delete it, or pass "
            "another output, for a new one."
        )
    foreign = sorted(names - {LOCK, "part-00000", f"{PARTIAL}{INDEX}"})
    if foreign:
        raise FileExistsError(f"{folder} holds something else ({foreign[0]}). Pass another output.")


class OpenPart:
    """A part that is searched; its files stay on the disk and are mapped into memory.

    Raises:
        ValueError: a file is damaged, or has another size than the record says.
    """

    def __init__(self, folder: Path, part: IndexPart, record: IndexRecord) -> None:
        sizes = {VECTORS: part.bytes_of_vectors, STATEMENTS: part.bytes_of_texts}
        for name, expected in sizes.items():
            size = size_of(folder / part.name / name)
            if size != expected:
                raise ValueError(
                    f"{folder / part.name / name}: {size} bytes, and {expected} were written. {REBUILD}"
                )
        self.size = part.statements
        self.search = VectorSearch.read(
            folder / part.name / VECTORS, record.kind, record.dim, part.statements
        )
        self._texts = _read_texts(folder / part.name / STATEMENTS)
        if len(self._texts) != part.statements:
            raise ValueError(
                f"{folder / part.name / STATEMENTS}: {len(self._texts)} texts, and {part.statements} were "
                f"written. {REBUILD}"
            )

    def texts(self, rows: Sequence[int]) -> list[str]:
        """The statements of these rows."""
        return [self._texts[row].as_py() for row in rows]

    def all_texts(self) -> Iterator[str]:
        """All statements, in their order."""
        for chunk in self._texts.chunks:
            yield from chunk.to_pylist()


def _write_array(path: Path, array: ndarray) -> None:
    with open(path, "wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_texts(path: Path, texts: Sequence[str]) -> None:
    schema = pa.schema([(TEXT_COLUMN, pa.string())])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(texts), BLOCK_ROWS):
            writer.write_batch(pa.record_batch([pa.array(texts[start : start + BLOCK_ROWS])], schema=schema))


def _read_texts(path: Path) -> pa.ChunkedArray:
    """The column of texts, mapped into memory."""
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not readable ({str(error).splitlines()[0]}). {REBUILD}") from error
    if table.schema.names != [TEXT_COLUMN] or table.schema.field(TEXT_COLUMN).type != pa.string():
        raise ValueError(f"{path}: not the texts of an index. {REBUILD}")
    return table.column(TEXT_COLUMN)
