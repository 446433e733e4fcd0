"""Which side of train / validation / test a fact stands on.

A rule takes the facts and a seed and returns the columns ``forward`` and ``reverse``: the part in which each
fact and its reverse stand. It depends on the fact and the seed alone: adding facts moves no other.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
import polars as pl

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
# Of relations of a bank that came after its sides were drawn: they train, and are scored nowhere.
ADDED = "added"
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
    """The authors' rule: facts train, and a share of the reversed facts is kept for testing.

    A reversed fact is a test row with probability 0.5 (symmetric) or 0.04 (antisymmetric). So every test pair
    has its twin in train. Validation rows (which the authors' code lacks) are reversed pairs too.
    """
    keys = facts.select(pl.concat_str("property", "subject", "object", separator="|")).to_series()
    test_shares = facts["kind"].replace_strict(PAPER_TEST_SHARE, return_dtype=pl.Float64)
    table = pl.DataFrame([_draws(keys, seed), test_shares.alias("test_share")])
    draw, test_share = pl.col("draw"), pl.col("test_share")
    validation_per_test = VALIDATION_SHARE / TEST_SHARE
    evaluated_share = test_share * (1 + validation_per_test)
    reverse = (
        pl.when(draw < test_share)
        .then(pl.lit(TEST))
        .when(draw < evaluated_share)
        .then(pl.lit(VALIDATION))
        .otherwise(pl.lit(TRAIN))
    )
    return table.select(forward=pl.lit(TRAIN), reverse=reverse)


def entities(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """65 / 10 / 25 % of the entities; a fact stands where both its entities do.

    It stands nowhere (null) if they are on two sides. So no entity of a test row was seen in training, and
    42 / 1 / 6 % of the facts remain. Entities of one name (ignoring case) share a side, so that none was seen
    under another id either.
    """
    subjects = facts["subject_label"].str.to_lowercase().alias("name")
    objects = facts["object_label"].str.to_lowercase().alias("name")
    names = pl.concat([subjects, objects]).unique(maintain_order=True)
    draws = _draws(names, seed, "entity|")  # apart from the draws of the other rules
    side_of = pl.DataFrame([names, _by_share(draws).alias("side")])
    subject_sides = _looked_up(subjects, side_of).alias("subject_side")
    object_sides = _looked_up(objects, side_of).alias("object_side")
    both = pl.DataFrame([subject_sides, object_sides])
    agree = pl.col("subject_side") == pl.col("object_side")
    side = pl.when(agree).then("subject_side")
    return both.select(forward=side, reverse=side)


def parts_of_names(names: pl.Series, seed: int) -> pl.Series:
    """The part in which the rule ``entities`` puts entities, by their names."""
    return _by_share(_draws(names.str.to_lowercase(), seed, "entity|"))


def unseen_relations(*distances: str) -> SplitRule:
    """The rule that holds out relations of a bank, and entities with them.

    A fact trains if both its entities and its relation do; it validates or tests if its entities are held out
    for that and so is its relation. All others stand nowhere.

    Args:
        distances: which held-out relations: "near" (their families train), "far" (they do not), "left_out".
    """
    sides: dict[str, str] = {"train": TRAIN, ADDED: TRAIN}
    for distance in distances:
        if distance == "left_out":
            # Nothing is chosen on these: the validation rows are those of the other held-out relations.
            sides |= {"left_out": TEST, "validation_near": VALIDATION, "validation_far": VALIDATION}
        else:
            sides |= {f"validation_{distance}": VALIDATION, f"test_{distance}": TEST}

    def rule(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
        by_entity = entities(facts, seed)["forward"].alias("by_entity")
        by_relation = facts["relation_side"].replace_strict(sides, default=None, return_dtype=pl.String)
        table = pl.DataFrame([by_entity, by_relation.alias("by_relation")])
        agree = pl.col("by_entity") == pl.col("by_relation")
        side = pl.when(agree).then("by_entity")
        return table.select(forward=side, reverse=side)

    return rule


def trained_relations(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The relations of a bank that train, asked about entities that do not; those added later train alone."""
    table = pl.concat([entities(facts, seed), facts.select("relation_side")], how="horizontal")
    trained = pl.col("relation_side") == "train"
    added_and_trains = (pl.col("relation_side") == ADDED) & (pl.col("forward") == TRAIN)
    side = pl.when(trained | added_and_trains).then("forward")
    return table.select(forward=side, reverse=side)


def every_relation(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """All relations of a bank train and are scored, but for those added later: these train alone."""
    table = pl.concat([entities(facts, seed), facts.select("relation_side")], how="horizontal")
    relation_side = pl.col("relation_side")
    stands = relation_side.is_not_null() & ((relation_side != ADDED) | (pl.col("forward") == TRAIN))
    side = pl.when(stands).then("forward")
    return table.select(forward=side, reverse=side)


SPLIT_RULES: dict[str, SplitRule] = {"grouped": grouped, "paper": paper, "entities": entities}
BLIND_RULES = ("grouped", "paper")  # they would train on relations and names that a bank holds out
MADE_UP = "made-up facts"
EVERY_RELATION, KEPT_WORDINGS = "all", "kept_wordings"
# Of a bank of relations: the facts have a column ``relation_side``.
BANK_RULES: dict[str, SplitRule] = {
    "relations": unseen_relations("near", "far"),
    "near": unseen_relations("near"),
    "far": unseen_relations("far"),
    "left_out": unseen_relations("left_out"),
    "trained": trained_relations,
    KEPT_WORDINGS: trained_relations,  # in wordings that are kept from training
    EVERY_RELATION: every_relation,  # every relation trains: for use, not for figures
}


def sides_by(rule: str, seed: int, made_up: bool) -> str:
    """Which rows may train and which are scored, in words: equal texts, equal sides.

    Args:
        rule: a name in ``SPLIT_RULES`` or ``BANK_RULES``.
        seed: of the rule.
        made_up: whether the facts are made up, see ``TripleSource.made_up``.
    """
    if rule not in BANK_RULES:
        return f"{rule}, seed {seed}"
    # All others train on the same facts, and differ in what they score.
    trained = "every relation" if rule == EVERY_RELATION else "relations that train"
    facts = MADE_UP if made_up else "facts of a bank"
    return f"{facts}, {trained}, seed {seed}"


def may_share_rows(sides: str, other_sides: str) -> bool:
    """Whether rows that are scored on one of two splits may train on the other one."""
    only_one_made_up = sides.startswith(MADE_UP) != other_sides.startswith(MADE_UP)
    return sides != other_sides and not only_one_made_up


def uniform(seed: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = blake2b(f"{seed}|{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _draws(keys: pl.Series, seed: int, purpose: str = "") -> pl.Series:
    """One number in [0, 1) for each key, ``uniform(seed, purpose + key)``, for millions of keys."""
    # The hash of what all keys begin with is made once and copied, which saves a third of the time.
    started = blake2b(f"{seed}|{purpose}".encode(), digest_size=8)
    digests = []
    for key in keys:
        hashed = started.copy()
        hashed.update(key.encode())
        digests.append(hashed.digest())
    integers = np.frombuffer(b"".join(digests), dtype=">u8")  # big-endian, as in ``uniform``
    numbers = integers.astype(np.float64) / 2**64
    return pl.Series("draw", numbers, dtype=pl.Float64)


def _by_share(draws: pl.Series) -> pl.Series:
    """The part of each draw: train below 0.65, validation below 0.75, test above."""
    draw = pl.col("draw")
    side = (
        pl.when(draw < TRAIN_SHARE)
        .then(pl.lit(TRAIN))
        .when(draw < TRAIN_SHARE + VALIDATION_SHARE)
        .then(pl.lit(VALIDATION))
        .otherwise(pl.lit(TEST))
    )
    return draws.to_frame("draw").select(side).to_series()


def _looked_up(names: pl.Series, side_of: pl.DataFrame) -> pl.Series:
    """The side of each name."""
    joined = names.to_frame().join(side_of, on="name", how="left", maintain_order="left")
    return joined["side"]
