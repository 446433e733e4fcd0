"""What may have been meant by a word on the command line that the configuration does not know."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

from relsym.app.values.known import free_mappings, known_keys

OVERRIDE = re.compile(r"Could not override '([^']+)'")
APPENDED = re.compile(r"\nTo append to your (?:config|default list) use \+(.*)")
OPTION = re.compile(r"Could not find '([^']+)'\s+Available options in '([^']+)':\n((?:\t.+\n?)+)")
SEARCH_PATH = re.compile(r"\nConfig search path:.*", re.DOTALL)
# What other programs call the last word of a key.
ELSEWHERE = {
    "n": "samples",
    "size": "samples",
    "shots": "samples",
    "gpus": "devices",
    "device": "accelerator",
    "neighbours": "k",
    "neighbors": "k",
    "clip": "gradient_clip",
}
# From which likeness on a key is named, and how much less than the best.
ALIKE, AS_GOOD = 0.6, 0.05
MOST, MOST_OWNERS = 3, 4


def with_near_matches(message: str, cause: str = "") -> str:
    """Hydra's message about a word that does not fit, with what may have been meant; without its advice to
    add a plus.

    Args:
        message: Hydra's.  cause: the first line of the error below it, if there is one.
    """
    if "'hydra/sweeper/optuna'" in message:
        return (
            f"{SEARCH_PATH.sub('', message)}\nsweep=tune needs Optuna's sweeper: pip install "
            '"relsym[optuna]"'
        )
    if option := OPTION.search(message):
        path, group, options = option[1], option[2], option[3].split()
        meant = _meant_option(group, path.removeprefix(f"{group}/"), options)
        return f"{SEARCH_PATH.sub('', message)}{meant}"
    if override := OVERRIDE.search(message):
        appended = APPENDED.search(message)
        return _refused(override[1], appended[1] if appended else override[1])
    return f"{message} {cause}".rstrip()


def unread(key: str, word: str, here: Collection[str] = ()) -> str:
    """That nothing reads a key, and what may have been meant.

    Args:
        key: dotted.  word: the key with its value.
        here: the keys of the configuration at hand, which come first.
    """
    owners = known_keys().get(key, ())
    if owners:
        more = f" and {len(owners) - MOST_OWNERS} more" if len(owners) > MOST_OWNERS else ""
        return f"{word}: nothing reads this key here. It belongs to {', '.join(owners[:MOST_OWNERS])}{more}."
    near = near_matches(key, here) or near_matches(key, known_keys())
    return f"{word}: nothing reads this key.{did_you_mean(near)}"


def near_matches(word: str, known: Iterable[str]) -> list[str]:
    """At most three of the known words, the likeliest first: alike, as a whole or in their last parts, or
    short for it.
    """
    likeness = {key: _likeness(word, key) for key in known if not word.startswith(f"{key}.")}
    best = max(likeness.values(), default=0.0)
    good = [key for key, value in likeness.items() if value >= max(ALIKE, best - AS_GOOD)]
    return sorted(good, key=lambda key: (-likeness[key], key.count("."), key))[:MOST]


def did_you_mean(words: Collection[str]) -> str:
    """`` Did you mean a, b or c?``; nothing where there are no words."""
    if not words:
        return ""
    *others, last = words
    return f" Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def _refused(key: str, word: str) -> str:
    """The message about a key that is in no file; a mapping that is empty there takes any."""
    above = key.rpartition(".")[0]
    free = next((name for name in (key, above) if name in free_mappings()), None)
    if free is not None:
        return f"{word}: {free} is empty, and what is added to it takes a plus: +{word}"
    return unread(key, word)


def _meant_option(group: str, chosen: str, options: Collection[str]) -> str:
    """What may have been meant by an option that a group does not have; encoders need none of their own."""
    near = [] if "/" in chosen else [f"{group}={name}" for name in near_matches(chosen, options)]
    if group == "model":
        near.append(f"model=encoder model.name={chosen}")
    return did_you_mean(near).replace(" ", "\n", 1)


def _likeness(word: str, key: str) -> float:
    """From 0 to 1, and above where the last parts are the same, or are called so elsewhere."""
    last_word, last_key = word.rpartition(".")[2], key.rpartition(".")[2]
    parts = last_key.split("_")
    whole = SequenceMatcher(None, word, key).ratio()
    if ELSEWHERE.get(last_word, last_word) == last_key:
        return 1.0 + (0.2 * whole if "." in word else 0.0)
    if len(parts) > 1 and last_word == "".join(part[:1] for part in parts):  # lr for learning_rate
        return 0.9
    last = 0.9 * SequenceMatcher(None, last_word, last_key).ratio()
    part = 0.7 if last_word in parts else 0.0
    return max(whole, last, part)
