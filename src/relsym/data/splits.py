"""Which side of train / validation / test a fact stands on.

Each rule depends on the fact and a seed alone: adding facts moves no other.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
import polars as pl

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
SplitRule = Callable[[pl.DataFrame, int], pl.DataFrame]

# Chance of a reversed pair to be a test row in the authors' released code; validation takes the grouped
# split's 10 : 25 of it.
PAPER_TEST_SHARE = {"symmetric": 0.5, "antisymmetric": 0.04, "neither": 0.04}
TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE = 0.65, 0.10, 0.25


def grouped(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """65 / 10 / 25 % of the groups (unordered entity pairs over all properties).

    A fact, its reverse and its twin in another property never stand on two sides.
    """
    side = _by_share(_draws(facts["group_id"], seed)).alias("forward")
    return pl.select(side, side.alias("reverse"))


def paper(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The authors' rule: forward pairs train; a reversed pair tests with probability 0.5 (symmetric) or 0.04
    (antisymmetric).

    So every test pair has its twin in train. Validation rows (which the authors' code lacks) are reversed
    pairs too.
    """
    keys = facts.select(pl.concat_str("property", "subject", "object", separator="|")).to_series()
    share = facts["kind"].replace_strict(PAPER_TEST_SHARE, return_dtype=pl.Float64).alias("share")
    draw = pl.col("draw")
    reverse = (
        pl.when(draw < pl.col("share"))
        .then(pl.lit(TEST))
        .when(draw < pl.col("share") * (1 + VALIDATION_SHARE / TEST_SHARE))
        .then(pl.lit(VALIDATION))
        .otherwise(pl.lit(TRAIN))
    )
    return pl.DataFrame([_draws(keys, seed), share]).select(
        pl.lit(TRAIN).alias("forward"), reverse.alias("reverse")
    )


def entities(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """65 / 10 / 25 % of the entities; a fact stands where both its entities do, and nowhere (null) if they
    are on two sides.

    So no entity of a test row was seen in training, and 42 / 1 / 6 % of the facts remain. Entities of one
    name (ignoring case) share a side, so that none was seen under another id either.
    """
    named = facts.select(
        pl.col(f"{side}_label").str.to_lowercase().alias(side) for side in ("subject", "object")
    )
    names = pl.concat([named["subject"], named["object"].alias("subject")]).unique(maintain_order=True)
    side = pl.DataFrame(
        [names.alias("entity"), _by_share(_draws(names.alias("entity"), seed, "entity|")).alias("side")]
    )
    both = [
        named.select(pl.col(column).alias("entity")).join(
            side, on="entity", how="left", maintain_order="left"
        )["side"]
        for column in ("subject", "object")
    ]
    sides = pl.DataFrame([both[0].alias("forward"), both[1].alias("other")])
    agreed = sides.select(pl.when(pl.col("forward") == pl.col("other")).then("forward"))
    return agreed.with_columns(reverse="forward")


SPLIT_RULES: dict[str, SplitRule] = {"grouped": grouped, "paper": paper, "entities": entities}


def uniform(seed: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    return int.from_bytes(blake2b(f"{seed}|{key}".encode(), digest_size=8).digest(), "big") / 2**64


def _draws(keys: pl.Series, seed: int, purpose: str = "") -> pl.Series:
    """One number in [0, 1) for each key."""
    started = blake2b(f"{seed}|{purpose}".encode(), digest_size=8)
    digests = []
    for key in keys:  # uniform(seed, purpose + key), for millions of keys
        hashed = started.copy()
        hashed.update(key.encode())
        digests.append(hashed.digest())
    return pl.Series(
        "draw", np.frombuffer(b"".join(digests), dtype=">u8").astype(np.float64) / 2**64, dtype=pl.Float64
    )


def _by_share(draws: pl.Series) -> pl.Series:
    share = pl.col("draw")
    return (
        draws.to_frame("draw")
        .select(
            pl.when(share < TRAIN_SHARE)
            .then(pl.lit(TRAIN))
            .when(share < TRAIN_SHARE + VALIDATION_SHARE)
            .then(pl.lit(VALIDATION))
            .otherwise(pl.lit(TEST))
        )
        .to_series()
    )
