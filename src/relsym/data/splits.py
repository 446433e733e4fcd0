"""Which side of train / validation / test a pair stands on. Each rule is a pure function of the fact and a seed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from relsym.data.pairs import group_of
from relsym.data.triples import Triple

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
SplitRule = Callable[[Triple, str, bool, int], str]

# Chance of a reversed pair to be a test row in the authors' released code; validation takes the grouped split's 10 : 25 of it.
PAPER_TEST_SHARE = {"symmetric": 0.5, "antisymmetric": 0.04}
TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE = 0.65, 0.10, 0.25


def grouped(fact: Triple, kind: str, reverse: bool, seed: int) -> str:
    """65 / 10 / 25 % of the groups (unordered entity pairs over all properties).

    A fact, its reverse and its twin in another property never stand on two sides. The draw hashes the group, so adding facts
    moves no other fact.
    """
    draw = uniform(seed, group_of(fact))
    if draw < TRAIN_SHARE:
        return TRAIN
    return VALIDATION if draw < TRAIN_SHARE + VALIDATION_SHARE else TEST


def paper(fact: Triple, kind: str, reverse: bool, seed: int) -> str:
    """The authors' rule: forward pairs train; a reversed pair tests with probability 0.5 (symmetric) or 0.04 (antisymmetric).

    So every test pair has its twin in train. Validation rows (which the authors' code lacks) are reversed pairs too.
    """
    share = PAPER_TEST_SHARE[kind]
    draw = uniform(seed, f"{fact.property}|{fact.subject}|{fact.object}")
    if not reverse or draw >= share * (1 + VALIDATION_SHARE / TEST_SHARE):
        return TRAIN
    return TEST if draw < share else VALIDATION


SPLIT_RULES: dict[str, SplitRule] = {"grouped": grouped, "paper": paper}


def uniform(seed: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    return int.from_bytes(blake2b(f"{seed}|{key}".encode(), digest_size=8).digest(), "big") / 2**64
