"""A finished run made small: its encoder as low-rank weights, and how far that answers as before."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from torch.nn.functional import cosine_similarity

from relsym.app.earlier_run import load_run, open_run
from relsym.data.pairs import Row
from relsym.encoders.low_rank import write_changes
from relsym.metrics.base import JOINT
from relsym.ranges import PositiveInt
from relsym.runs.layout import LOW_RANK, PREDICTIONS

COMPARED = 1000  # rows
LOW_RANK_NOTE = (
    "What training changed of the encoder stands here in matrices of low rank, a byte for each number; the "
    "encoder itself comes from the package that holds it. The scores are of the encoder with all of its "
    "weights. {compared}"
)


def write_small_encoder(run: Path, target: Path, rank: PositiveInt) -> None:
    """Write the low-rank weights of a run's encoder.

    Args:
        run: its folder.
        target: the folder that gets the file.
        rank: see ``low_rank_tensors``.

    Raises:
        ValueError: the run began with an encoder that is not known.
    """
    opened = open_run(str(run), (), "run")
    # In fp32, whatever it was scored in: the difference of rounded weights would be rounding.
    encoder = load_run(str(run), "fp32", "cpu", key="run").encoder
    write_changes(target / LOW_RANK, encoder, opened.results.published, rank)


def note_of(run: Path, small: Path) -> str:
    """What the card says of an encoder in low-rank weights.

    Args:
        run: the folder that it was made of; one that is small itself, or has no rows, is compared with
            nothing.
        small: the folder with the low-rank weights.
    """
    if (run / LOW_RANK).is_file() or not (run / PREDICTIONS).is_file():
        return LOW_RANK_NOTE.format(compared="").strip()
    rows = _rows(run / PREDICTIONS)
    models = [load_run(str(folder), "fp32", "cpu", key="run") for folder in (run, small)]
    for model in models:
        model.probe.answer_among(model.labels)
    answers = [model.measure(rows)["answer"] for model in models]
    equal = sum(one == other for one, other in zip(*answers, strict=True)) / len(rows)
    asked = f"{len(rows):,} of the rows that it was scored on"
    compared = f"Of its answers to {asked} {100 * equal:.1f} % are the same here"
    if models[0].reads == JOINT:
        return LOW_RANK_NOTE.format(compared=f"{compared}.")
    texts = [row.premise for row in rows]
    cosine = float(cosine_similarity(*(model.vectors(texts) for model in models)).mean())
    return LOW_RANK_NOTE.format(compared=f"{compared}, and the vectors have a mean cosine of {cosine:.3f}.")


def _rows(path: Path) -> list[Row]:
    """Some of the rows that a run was scored on."""
    table = pl.read_parquet(path.read_bytes(), columns=["pair_id", "premise", "hypothesis"]).head(COMPARED)
    return [
        Row(pair_id, "", "", premise, hypothesis, "") for pair_id, premise, hypothesis in table.iter_rows()
    ]
