"""Find what agrees with a sentence and what contradicts it: ``from relsym import StatementIndex``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, final

from jaxtyping import Float
from numpy import ndarray
from torch.nn.functional import normalize as to_length_one

from relsym import __version__
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.encoders.encoder import PRECISIONS
from relsym.models.base import Advance
from relsym.models.run import RunModel
from relsym.probes.cut_points import CutPoints
from relsym.ranges import PositiveInt, Share
from relsym.retrieval.index_folder import IndexRecord, OpenPart, add_part, check_new, read_index_record
from relsym.retrieval.vector_search import FLAT, INDEX_KINDS, Found, faiss_package
from relsym.runs.lock import holding
from relsym.symmetry_model import SymmetryModel, check_one_of, checked_texts
from relsym.visible import visible


class Hit(NamedTuple):
    """A statement that was found.

    Attributes:
        text: the statement.
        cosine: of its vector and that of the query: 1 is implied, -1 is excluded, 0 says nothing.
    """

    text: str
    cosine: float


class Retrieved(NamedTuple):
    """What an index holds about a sentence.

    Attributes:
        nearest: the statements with the highest cosines, highest first; none that is 0 or below.
        opposed: those with the lowest, lowest first; none that is 0 or above.
    """

    nearest: list[Hit]
    opposed: list[Hit]


@final
class StatementIndex:
    """Statements in a folder, searched by what they say.

        model = SymmetryModel.load()
        index = StatementIndex.build(model, ["Ann is a parent of Bo.", "Bo is a parent of Ann."], "FOLDER")
        index.query("Bo is a child of Ann.", k=1)

    The encoder has to be relsym's own, or one of ``objective=fixed_label``: there an implied sentence has the
    vector of what implies it, and an excluded one its opposite,

        nearest: max cos(f(query), f(s)),   opposed: min cos(f(query), f(s)) = -max cos(-f(query), f(s))

    over statements s. Vectors and texts stay on the disk. Two processes never write to one folder at a time.
    """

    def __init__(self, folder: Path, record: IndexRecord, model: SymmetryModel) -> None:
        self.folder = folder
        self._record = record
        self._model = model
        self._parts = [OpenPart(folder, part, record) for part in record.parts]

    @classmethod
    def build(
        cls,
        model: SymmetryModel,
        statements: Iterable[str],
        folder: str | Path,
        *,
        kind: str = FLAT,
        recall: Share = 0.99,
    ) -> StatementIndex:
        """An index of these statements, in a new folder.

        A call that was stopped goes on from what it had encoded, given again.

        Args:
            model: relsym's own, or a run of ``objective=fixed_label``.
            statements: texts; one that comes again is kept once.
            folder: is made.
            kind: ``flat`` compares all vectors; ``ivf`` and ``hnsw`` are for a million and more.
            recall: of ``ivf`` and ``hnsw``: the share of the ten nearest, and of the ten most opposed, that a
                search has to find among these statements.

        Raises:
            ValueError: another objective, no statement, or one that is no text.
            FileExistsError: there is an index, or something else.
            FolderInUse: another process writes there.
        """
        check_one_of("kind", kind, INDEX_KINDS)
        _check_readable(model.run)
        faiss_package()  # is missed now, and not when all is encoded
        texts = _checked_statements(statements)
        if not texts:
            raise ValueError("no statement: an index holds at least one.")
        place = Path(folder).expanduser()
        with holding(place, "output"):
            check_new(place)
            record = _new_record(model.run, kind, recall)
            return cls(place, record, model)._with(texts)

    @classmethod
    def load(cls, folder: str | Path, model: SymmetryModel | None = None) -> StatementIndex:
        """The index in a folder.

        Args:
            folder: of the index.
            model: the run that made its vectors; None loads it from where it was.

        Raises:
            FileNotFoundError: no index there.
            ValueError: it is damaged, or the vectors are of another encoder.
        """
        faiss_package()
        place = Path(folder).expanduser()
        record = read_index_record(place)
        if model is None:
            model = SymmetryModel.load(record.run, precision=record.precision)
        _check_same_encoder(place, record, model.run)
        return cls(place, record, model)

    def add(self, statements: Iterable[str]) -> int:
        """Add what is not there yet.

        Each call makes a part of its own, and every part is searched: many small ones are slow.

        Returns:
            How many statements are new.

        Raises:
            ValueError: one is no text, or another process has added something since the index was loaded.
            FolderInUse: another process writes there.
        """
        texts = _checked_statements(statements)
        with holding(self.folder, "folder"):
            if read_index_record(self.folder) != self._record:
                raise ValueError(
                    f"{self.folder}: another process has added to it since it was loaded. Load it again."
                )
            before = len(self)
            longer = self._with(texts)
        self._record, self._parts = longer._record, longer._parts
        return len(self) - before

    def query(self, sentence: str, k: PositiveInt = 10) -> Retrieved:
        """What the index holds about a sentence, at most k statements of each side."""
        [answer] = self.queries([sentence], k)
        return answer

    def queries(self, sentences: Iterable[str], k: PositiveInt = 10) -> list[Retrieved]:
        """What the index holds about each sentence.

        Args:
            sentences: texts.
            k: statements of each side, at most.

        Raises:
            ValueError: something is no text, or k is less than 1.
        """
        if k < 1:
            raise ValueError(f"k={k}: at least 1.")
        texts = checked_texts("sentences", sentences)
        if not texts:
            return []
        vectors = _unit_vectors(self._model.run, texts)
        nearest = [part.search.nearest(vectors, min(k, part.size)) for part in self._parts]
        opposed = [part.search.most_opposed(vectors, min(k, part.size)) for part in self._parts]
        answers = []
        for place in range(len(texts)):
            answers.append(Retrieved(self._hits(nearest, place, k, -1), self._hits(opposed, place, k, 1)))
        return answers

    def __len__(self) -> int:
        return sum(part.statements for part in self._record.parts)

    def __repr__(self) -> str:
        return visible(f"StatementIndex({str(self.folder)!r}, {len(self):,} statements, {self._record.kind})")

    @property
    def recall(self) -> float:
        """The share of the nearest that a search finds, as it was measured on the part where it is lowest."""
        return min(part.recall for part in self._record.parts)

    def _hits(self, by_part: Sequence[Found], query: int, k: int, sign: int) -> list[Hit]:
        """The best of what all parts have for one query.

        Args:
            sign: -1 puts the highest cosine first, 1 the lowest.
        """
        hits: list[Hit] = []
        for part, (cosines, rows) in zip(self._parts, by_part, strict=True):
            there = rows[query] >= 0
            texts = part.texts(rows[query][there].tolist())
            hits += map(Hit, texts, cosines[query][there].tolist())
        # What is nearest may say nothing, or even be excluded, where nothing agrees.
        hits = [hit for hit in hits if sign * hit.cosine < 0]
        return sorted(hits, key=lambda hit: sign * hit.cosine)[:k]

    def _with(self, texts: Sequence[str]) -> StatementIndex:
        """The index with what it lacks of these."""
        known = {text for part in self._parts for text in part.all_texts()}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if not new:
            return self

        def vectorize(block: Sequence[str], advance: Advance) -> Float[ndarray, "n dim"]:
            return _unit_vectors(self._model.run, block, advance)

        record = add_part(self.folder, self._record, new, vectorize)
        return StatementIndex(self.folder, record, self._model)


def _check_readable(run: RunModel) -> None:
    """Refuse a run whose vectors do not say what is excluded.

    Raises:
        ValueError: it is of another objective.
    """
    if not isinstance(run.probe, CutPoints):
        objective = run.source["objective"]
        raise ValueError(
            f"{run.name}: a run of {objective}, whose vectors do not say by their sign what is implied and "
            "what is excluded. Take a run of objective=fixed_label, such as that of relsym train "
            "experiment=direction."
        )


def _unit_vectors(
    run: RunModel, texts: Sequence[str], advance: Advance = lambda count: None
) -> Float[ndarray, "n dim"]:
    """The vector of each text, of length 1."""
    return to_length_one(run.vectors(texts, advance), dim=-1).numpy()


def _checked_statements(statements: Iterable[str]) -> list[str]:
    """The statements, unless one is no text or an empty one."""
    texts = checked_texts("statements", statements)
    for place, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"statements[{place}]: is empty. Leave it out.")
    return texts


def _new_record(run: RunModel, kind: str, recall: float) -> IndexRecord:
    """The record of an index that has no part yet."""
    folder = Path(run.name).expanduser().absolute()
    return IndexRecord(
        relsym=__version__,
        run=None if folder == SHIPPED_FOLDER else str(folder),
        encoder=_reading_hash(run),
        precision=_precision(run),
        dim=run.encoder.dim,
        kind=kind,
        wanted_recall=float(recall),
        parts=(),
    )


def _reading_hash(run: RunModel) -> str:
    """SHA-256 of all that a text's vector depends on, but for the precision."""
    parts = [run.fingerprint(), run.encoder.max_length, run.encoder.pooling.described()]
    return sha256(json.dumps(parts).encode()).hexdigest()


def _precision(run: RunModel) -> str:
    """What the run encodes in."""
    return next(name for name, dtype in PRECISIONS.items() if dtype == run.encoder.model.dtype)


def _check_same_encoder(folder: Path, record: IndexRecord, run: RunModel) -> None:
    """Refuse a run that gives the statements other vectors."""
    if _reading_hash(run) != record.encoder:
        made_by = record.run or f"the one that relsym {record.relsym} came with; this is {__version__}"
        raise ValueError(
            f"{folder}: its vectors are of another encoder than that of {run.name}. Pass the run that made "
            f"them ({made_by}), or build an index with this one."
        )
    if _precision(run) != record.precision:
        raise ValueError(
            f"{folder}: its vectors were computed in {record.precision}, and {run.name} is loaded in "
            f"{_precision(run)}. Pass precision={record.precision}."
        )
