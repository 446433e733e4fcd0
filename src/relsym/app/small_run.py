"""A finished run made small: its encoder as low-rank weights, and how far that answers as before."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from torch.nn.functional import cosine_similarity

from relsym.app.earlier_run import load_run
from relsym.data.pairs import Row
from relsym.encoders.low_rank import write_changes
from relsym.metrics.base import JOINT
from relsym.models.run import RunModel
from relsym.ranges import PositiveInt
from relsym.runs.layout import LOW_RANK, PREDICTIONS

COMPARED = 1000  # rows
LOW_RANK_NOTE = (
    "What training changed of the encoder stands here in matrices of low rank, a byte for each number; the "
    "encoder itself comes from the package that holds it. The scores are of the encoder with all of its "
    "weights."
)


def write_small_encoder(run: Path, published: str | None, small: Path, rank: PositiveInt) -> str:
    """Write the low-rank weights of a run's encoder.

    Args:
        run: its folder.
        published: the hub's id of the encoder that it began with.
        small: the folder that gets the file; all else that answering needs is there.
        rank: see ``low_rank_tensors``.

    Returns:
        What the card says of them: also how far they answer as the run, where its rows are there.

    Raises:
        ValueError: the run began with an encoder that is not known.
    """
    whole = _loaded(run)
    write_changes(small / LOW_RANK, whole.encoder, published, rank)
    if not (run / PREDICTIONS).is_file():
        return LOW_RANK_NOTE
    rows = _rows(run / PREDICTIONS)
    models = [whole, _loaded(small)]
    answers = [model.measure(rows)["answer"] for model in models]
    equal = sum(one == other for one, other in zip(*answers, strict=True)) / len(rows)
    asked = f"{len(rows):,} of the rows that it was scored on"
    compared = f"{LOW_RANK_NOTE} Of its answers to {asked} {100 * equal:.1f} % are the same here"
    if whole.reads == JOINT:
        return f"{compared}."
    texts = [row.premise for row in rows]
    cosine = float(cosine_similarity(*(model.vectors(texts) for model in models)).mean())
    return f"{compared}, and the vectors have a mean cosine of {cosine:.3f}."


def _loaded(folder: Path) -> RunModel:
    """A run in fp32, whatever it was scored in: the difference of rounded weights would be rounding."""
    model = load_run(str(folder), "fp32", "cpu", key="run", with_added=False)
    model.probe.answer_among(model.labels)
    return model


def _rows(path: Path) -> list[Row]:
    """Some of the rows that a run was scored on."""
    table = pl.read_parquet(path.read_bytes(), columns=["pair_id", "premise", "hypothesis"]).head(COMPARED)
    return [
        Row(pair_id, "", "", premise, hypothesis, "") for pair_id, premise, hypothesis in table.iter_rows()
    ]
