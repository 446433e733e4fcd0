"""A finished run for use in Python: what ``from relsym import SymmetryModel`` gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch.nn.functional import normalize as to_length_one
from transformers.utils import logging as hub_logging

from relsym.app.added_labels import add_label, remove_label
from relsym.app.earlier_run import load_run
from relsym.app.shipped import asked_run
from relsym.data.pairs import Row
from relsym.data.relations import ENTAILMENT
from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.encoders.encoder import PRECISIONS
from relsym.evaluation.represent import represent
from relsym.metrics.base import JOINT
from relsym.models.device import ACCELERATORS
from relsym.models.run import RunModel
from relsym.ranges import PositiveInt
from relsym.visible import printable, visible


class Explanation(NamedTuple):
    """Why a pair was answered as it was.

    Attributes:
        premise: as it was given.
        hypothesis: likewise.
        label: the answer.
        scores: how much speaks for each label.
        cosine: of the vectors of the two texts; None where the run reads a pair as one input.
        distance: to the nearest training pair (1 - cos of what the two pairs imply) or label embedding; None
            where the run compares with neither.
        neighbours: ids of the training pairs that voted, nearest first; none where the run has none, or is of
            a version that did not record them.
        reading: what the label was read off, in words.
    """

    premise: str
    hypothesis: str
    label: str
    scores: dict[str, float]
    cosine: float | None
    distance: float | None
    neighbours: tuple[str, ...]
    reading: str


class Ranked(NamedTuple):
    """A passage in its place.

    Attributes:
        place: of the passage in what was given, from 0.
        score: that it has for entailment.
        text: of the passage.
    """

    place: int
    score: float
    text: str


@final
class SymmetryModel:
    """A retrained encoder with what reads it: does a premise entail a hypothesis, or contradict it?

        model = SymmetryModel.load()   # or load("RUN"), the folder of a finished relsym train
        model.predict([("Ann is a sibling of Bo.", "Bo is a sibling of Ann.")])   # ["entailment"]

    It answers as its run did, row for row, in whatever precision that was; a run that went on (``init``) from
    one with more labels may answer with any of them. Everything is computed at once and kept in memory.

    Args:
        model: of a finished run, as ``load`` makes it.
    """

    def __init__(self, model: RunModel) -> None:
        model.probe.answer_among(model.labels)
        self._model = model

    @classmethod
    def load(
        cls,
        run: str | Path | None = None,
        *,
        precision: str | None = None,
        accelerator: str = "auto",
        trust: Sequence[str] = (),
        trust_remote_code: bool = False,
    ) -> SymmetryModel:
        """The model of a finished run, or the one that relsym comes with.

        Args:
            run: the folder of a ``relsym train`` that ended; None: relsym's own, for which the extra
                ``bundled`` is needed.
            precision: fp32 or bf16; None takes what the run itself was scored in.
            accelerator: cpu, gpu, or auto, which is a GPU where there is one.
            trust: packages of yours whose components the stored configuration may name beside relsym's own.
            trust_remote_code: whether code in the run's encoder folder may be run.

        Raises:
            ImportError: relsym's own, without the package that has the encoder which it changed.
            ValueError: no finished run there, damaged or changed files, an unknown precision or accelerator,
                or a GPU where there is none.
        """
        if not isinstance(run, str | Path | None):
            raise ValueError(f"run={_shown(run)}: expected the folder of a relsym train that ended.")
        check_one_of("precision", precision, (None, *PRECISIONS))
        check_one_of("accelerator", accelerator, ACCELERATORS)
        if accelerator == "gpu" and not torch.cuda.is_available():
            raise ValueError("accelerator=gpu: torch finds no CUDA GPU. Pass accelerator='cpu' or 'auto'.")
        folder = str(Path(asked_run(run)).expanduser())
        with _without_bars():
            return cls(load_run(folder, precision, accelerator, trust_remote_code, trust, "run"))

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        precision: str | None = None,
        accelerator: str = "auto",
    ) -> SymmetryModel:
        """A model that ``save_pretrained`` or ``push_to_hub`` has written.

        Args:
            name: a folder, or ``OWNER/NAME`` on the Hugging Face hub.
            revision: branch, tag or commit on the hub; None: its main branch.
            precision, accelerator: see ``load``. Only relsym's own components are built, and no code of the
                repository is run.

        Raises:
            ValueError: there is neither, or what is there is no finished run; see ``load``.
        """
        from relsym.app.hub import fetched_repository

        return cls.load(fetched_repository(str(name), revision), precision=precision, accelerator=accelerator)

    def save_pretrained(self, folder: str | Path, *, rank: PositiveInt | None = None) -> None:
        """Write a folder that ``from_pretrained`` reads, with a model card.

        The run's configuration and results go along as they are: they name the paths that it was given, and
        the run of a tracker. So do the training pairs of k-NN and those of added labels, with their texts.

        Args:
            folder: is made.
            rank: writes not the encoder, but what training changed of it in matrices of this rank, a byte for
                each number: under 5 MB at 96, of a run that began with the bundled encoder. The card says how
                far its answers and vectors are those of the run.

        Raises:
            FileExistsError: the folder is there.
            ValueError: the run needs code that is not relsym's, or its folder holds what is no part of it; or
                a rank, and the run began with another encoder.
        """
        # Here and below, and not at the top: what cards are made with takes half a second to import.
        from relsym.app.hub import write_repository

        target = Path(folder).expanduser()
        write_repository(self._folder, target, target.name, rank)

    def push_to_hub(
        self, repo_id: str, *, private: bool = True, dry_run: bool = False, rank: PositiveInt | None = None
    ) -> str:
        """Upload the run to the Hugging Face hub, with a model card.

        See ``save_pretrained`` for what goes along.

        Args:
            repo_id: ``OWNER/NAME``; made if it is not there.
            private: whether a new repository is.
            dry_run: write the folder ``OWNER--NAME`` here, and upload nothing.
            rank: see ``save_pretrained``.

        Returns:
            The address, or the folder's name.

        Raises:
            ValueError: no such name, the hub refuses it, or is out of reach; see also ``save_pretrained``.
            FileExistsError: dry_run, and the folder is there.
        """
        from relsym.app.hub import check_repository_name, upload_repository, write_repository

        check_repository_name(repo_id)
        folder_name = repo_id.replace("/", "--")
        if dry_run:
            write_repository(self._folder, Path(folder_name), repo_id, rank)
            return folder_name
        with TemporaryDirectory() as place:
            folder = Path(place, folder_name)
            write_repository(self._folder, folder, repo_id, rank)
            return upload_repository(folder, repo_id, private)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows, in the order of the columns of ``scores``."""
        return self._model.labels

    @property
    def run(self) -> RunModel:
        """The run's encoder, metric and probe, as the rest of relsym takes them."""
        return self._model

    def predict(self, pairs: Iterable[tuple[str, str]]) -> list[str]:
        """The label of each (premise, hypothesis).

        Raises:
            ValueError: an entry is no pair of texts.
        """
        pairs = _checked_pairs(pairs)
        if not pairs:
            return []
        predicted = self._model.probe.predict(self._represent(pairs)).tolist()
        return [self.labels[index] for index in predicted]

    def scores(self, pairs: Iterable[tuple[str, str]]) -> Float[ndarray, "n labels"]:
        """How much speaks for each label of each pair: higher is more.

        k-NN gives the share of the neighbours and a head its probabilities; label embeddings give minus the
        distance to each, fixed labels the cosine of the two texts beside its cut points (``CutPoints``).
        ``predict`` answers with the highest; of several that are equal the probe has its own rule.

        Raises:
            ValueError: an entry is no pair of texts.
        """
        pairs = _checked_pairs(pairs)
        if not pairs:
            return np.zeros((0, len(self.labels)), np.float32)
        return self._scores(self._represent(pairs)).numpy()

    def predict_proba(self, pairs: Iterable[tuple[str, str]]) -> Float[ndarray, "n labels"]:
        """The probability of each label of each pair, where the run's scores are probabilities.

        Raises:
            ValueError: they are none (label embeddings, fixed labels), or an entry is no pair of texts.
        """
        if not self._model.probe.probability:
            reader = type(self._model.probe).__name__
            raise ValueError(
                f"this run is read by {reader}, whose scores are no probabilities. Take scores(pairs), where "
                "higher is more."
            )
        return self.scores(pairs)

    def encode(self, sentences: Iterable[str], *, normalize: bool = False) -> Float[ndarray, "n dim"]:
        """The vector of each sentence, as the run's metric compares them.

        Args:
            sentences: any number of texts; one that comes again is encoded once.
            normalize: gives them length 1, so that an inner product is a cosine.

        Raises:
            ValueError: the run reads a pair as one input, or something is no text.
        """
        vectors = self._model.vectors(checked_texts("sentences", sentences))
        return (to_length_one(vectors, dim=-1) if normalize else vectors).numpy()

    def rank(self, query: str, passages: Iterable[str]) -> list[Ranked]:
        """Passages by how much they speak for a sentence: a reranker of what a search has found.

        Each passage is a premise, the sentence the hypothesis, and ordered is by the score of entailment;
        so a passage that excludes the sentence comes last, however alike the words are. Equal ones stay in
        their order.

        Raises:
            ValueError: something is no text.
        """
        [hypothesis] = checked_texts("query", [query])
        premises = checked_texts("passages", passages)
        scores = self.scores((premise, hypothesis) for premise in premises)
        of_entailment = scores[:, self.labels.index(ENTAILMENT)]
        order = np.argsort(-of_entailment, kind="stable").tolist()
        return [Ranked(place, float(of_entailment[place]), premises[place]) for place in order]

    def add_label(self, label: str, pairs: Iterable[tuple[str, str]], *, write: bool = True) -> None:
        """Know a further label from a few pairs of it. No weight changes.

        Label embeddings gain the mean of what the pairs imply, k-NN gains the pairs themselves. Equal pairs
        count once.

        Args:
            label: its name.
            pairs: (premise, hypothesis) of the label.
            write: whether the run's folder gains a new version of its added labels, which every command then
                reads; else this model alone knows it.

        Raises:
            ValueError: the label is there already, there is no pair, the run has no place for one (a head or
                fixed labels), or it lies in the cache of the hub and is to be written.
        """
        add_label(self._model, label, _checked_pairs(pairs), write)

    def remove_label(self, label: str) -> None:
        """Take a label away that was added, by a new version in the run's folder.

        This model answers as it did; load the run again for one without the label. What was trained stays.

        Raises:
            ValueError: no such label was added to the folder.
        """
        remove_label(self._folder, label)

    def explain(self, pair: tuple[str, str]) -> Explanation:
        """The answer to one pair, with what it was read off.

        Raises:
            ValueError: it is no pair of texts.
        """
        [checked] = _checked_pairs([pair])
        vectors = self._represent([checked])
        predicted, scores, closest = self._model.probe.read_off(vectors, len(self.labels))
        cosine = None
        if self._model.reads != JOINT:
            cosine = float(cosine_similarity(*vectors[0], dim=0))
        distance, voters = None, []
        if closest is not None:
            distance = float(closest.distance[0])
            voters = [] if closest.rows is None else closest.rows[0].tolist()
        ids = self._model.memory_ids
        neighbours = () if ids is None else tuple(ids[row] for row in voters)
        of_labels = dict(zip(self.labels, scores[0].tolist(), strict=True))
        return Explanation(
            *checked,
            label=self.labels[int(predicted[0])],
            scores=of_labels,
            cosine=cosine,
            distance=distance,
            neighbours=neighbours,
            reading=visible(self._model.probe.account(vectors, self.labels)),
        )

    def _represent(self, pairs: Sequence[tuple[str, str]]) -> Float[Tensor, "n parts dim"]:
        """What the probe reads."""
        rows = [_row(premise, hypothesis) for premise, hypothesis in pairs]
        return represent(self._model.encoder, rows, self._model.reads)

    def _scores(self, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n labels"]:
        return self._model.probe.scores(vectors, len(self.labels))

    @property
    def _folder(self) -> Path:
        """Where the run lies."""
        return Path(self._model.name).expanduser()

    def __repr__(self) -> str:
        objective = self._model.source["objective"]
        labels = ", ".join(self.labels)
        return visible(f"SymmetryModel({self._model.name!r}, {objective}, labels {labels})")


@contextmanager
def _without_bars() -> Iterator[None]:
    """Without transformers' bar for reading one small file."""
    shown = hub_logging.is_progress_bar_enabled()
    hub_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hub_logging.enable_progress_bar()


def _row(premise: str, hypothesis: str) -> Row:
    """Two texts as a row about nothing that is known."""
    return Row("", "", "", premise, hypothesis, "")


def _checked_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, unless an entry is no pair of texts."""
    checked = []
    for place, pair in enumerate(_entries("pairs", "(premise, hypothesis)", pairs)):
        # Rows of NumPy's arrays are pairs too.
        is_pair = isinstance(pair, tuple | list | ndarray) and len(pair) == 2
        if not is_pair or not all(isinstance(text, str) for text in pair):
            raise ValueError(
                f"pairs[{place}]: expected (premise, hypothesis), two texts, got {_shown(pair)}."
            )
        premise, hypothesis = pair
        _check_letters(f"pairs[{place}]", premise + hypothesis)
        checked.append((premise, hypothesis))
    return checked


def checked_texts(argument: str, sentences: Iterable[str]) -> list[str]:
    """The texts, unless an entry is none.

    Args:
        argument: what the caller's argument is called, for messages.
        sentences: its value.

    Raises:
        ValueError: an entry is no text.
    """
    texts = list(_entries(argument, "texts", sentences))
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"{argument}[{place}]: expected a text, got {_shown(text)}.")
        _check_letters(f"{argument}[{place}]", text)
    return texts


def _entries(argument: str, wanted: str, entries: Any) -> Iterable[Any]:
    """What was given, unless its entries are something else than they seem.

    Those of a text are its letters, those of a table the names of its columns, and a set has no order.
    """
    if hasattr(entries, "columns"):
        raise ValueError(
            f"{argument}: expected a list of {wanted}, got a table. Pass its columns: "
            'zip(table["premise"], table["hypothesis"]), or table["sentence"] for sentences.'
        )
    if isinstance(entries, str | bytes | Mapping | Set) or not isinstance(entries, Iterable):
        raise ValueError(f"{argument}: expected a list of {wanted}, got {_shown(entries)}.")
    return entries


def _check_letters(place: str, text: str) -> None:
    """Refuse half a pair of surrogates, which no tokenizer reads."""
    if LONE_SURROGATE.search(text):
        raise ValueError(
            f"{place}: {_shown(text)} holds half a pair of surrogates, which is no letter: decode it again."
        )


def check_one_of(argument: str, value: Any, choices: Sequence[str | None]) -> None:
    """Refuse what is none of the choices.

    Raises:
        ValueError: with the choices.
    """
    if value not in choices:
        expected = ", ".join(str(choice) for choice in choices)
        raise ValueError(f"{argument}={_shown(value)}: expected one of {expected}.")


def _shown(value: Any) -> str:
    """What was given, for a message."""
    return printable(repr(value), 100)
