"""Pairs about which nobody disagrees: whoever answers them by chance is no NLI model."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from scipy.stats import binom

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL

# So seldom would guesses reach the number of right answers that is asked for.
GUESSED = 0.01


class Canary(NamedTuple):
    """A pair and its label."""

    premise: str
    hypothesis: str
    label: str


# A premise, what it entails, what it contradicts, and what it leaves open. They are meant to be easy: told by
# words that are repeated, denied or new, so that a weak model gets most of them right.
_PREMISES = (
    (
        "A man is sleeping on the sofa.",
        "A man is sleeping.",
        "The man is not sleeping.",
        "The man has two sisters.",
    ),
    (
        "Two dogs are running across a field.",
        "Some animals are running.",
        "The dogs are not running.",
        "The dogs belong to a farmer.",
    ),
    (
        "She bought three red apples at the market.",
        "She bought some apples.",
        "She did not buy any apples.",
        "She is going to bake a cake for her brother.",
    ),
    (
        "All of the students passed the exam.",
        "Some of the students passed the exam.",
        "None of the students passed the exam.",
        "The exam was about the history of France.",
    ),
    (
        "The shop is closed on Sundays.",
        "On Sundays the shop is closed.",
        "The shop is open on Sundays.",
        "The shop sells shoes and hats.",
    ),
    (
        "Nobody was in the room.",
        "The room was empty.",
        "The room was full of people.",
        "The room was painted green last year.",
    ),
    (
        "The door is not locked.",
        "The door is unlocked.",
        "The door is locked.",
        "The key to the door belongs to my aunt.",
    ),
    (
        "The train arrived at noon.",
        "The train arrived.",
        "The train never arrived.",
        "The passengers were glad that it was warm.",
    ),
    (
        "The children are playing football in the park.",
        "Children are playing in the park.",
        "There are no children in the park.",
        "The children are going to win a prize next week.",
    ),
    (
        "It rained all day yesterday.",
        "It rained yesterday.",
        "It did not rain yesterday.",
        "We stayed at home and watched a film.",
    ),
    (
        "The old woman opened the window.",
        "A woman opened the window.",
        "The woman did not open the window.",
        "The old woman wanted to feed the birds.",
    ),
    (
        "He speaks French and Italian.",
        "He speaks French.",
        "He does not speak French.",
        "He learned Italian when he worked in Rome.",
    ),
    (
        "Both of my brothers live in London.",
        "My brothers live in London.",
        "None of my brothers live in London.",
        "My brothers are both doctors.",
    ),
    (
        "The soup was too hot to eat.",
        "The soup was hot.",
        "The soup was ice cold.",
        "The soup was made of carrots.",
    ),
    (
        "There are five books on the table.",
        "There are books on the table.",
        "There is nothing on the table.",
        "The books are about cooking.",
    ),
    (
        "Everybody can visit the museum for free.",
        "The museum is free.",
        "Nobody can visit the museum for free.",
        "The museum was built a hundred years ago.",
    ),
    (
        "My neighbour sold his car last week.",
        "My neighbour sold his car.",
        "My neighbour did not sell his car.",
        "My neighbour wants to buy a bicycle.",
    ),
    (
        "The team lost the match.",
        "The team lost.",
        "The team won the match.",
        "The team will play again on Saturday.",
    ),
    (
        "A cat is sitting on the roof of the house.",
        "A cat is on the roof.",
        "There is no cat on the roof.",
        "The cat is waiting for a bird.",
    ),
    (
        "He always takes the bus to work.",
        "He takes the bus to work.",
        "He never takes the bus to work.",
        "He takes the bus because it is cheaper than driving.",
    ),
)


def _canaries() -> tuple[Canary, ...]:
    canaries = []
    for premise, entailed, contradicted, open_hypothesis in _PREMISES:
        canaries.append(Canary(premise, entailed, ENTAILMENT))
        canaries.append(Canary(premise, contradicted, CONTRADICTION))
        canaries.append(Canary(premise, open_hypothesis, NEUTRAL))
    return tuple(canaries)


CANARIES = _canaries()


def canaries_for(labels: Collection[str]) -> list[Canary]:
    """Those that a model with these labels can get right: as many of each label."""
    return [canary for canary in CANARIES if canary.label in labels]


def fewest_right(pairs: int, labels: int) -> int:
    """The number of right answers from which on a model does more than guess.

        the smallest k with P(X >= k) <= 0.01,   X ~ Binomial(pairs, 1 / labels)

    One constant answer, right on 1 / labels of the pairs, stays far below it: 30 of 60 for three labels, 28
    of 40 for two.
    """
    # P(X > k) <= 0.01 holds from this quantile on.
    return int(binom.isf(GUESSED, pairs, 1 / labels)) + 1
