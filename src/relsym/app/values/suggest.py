"""What may have been meant by a word on the command line that the configuration does not know."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

from relsym.app.values.known import MODEL_KINDS, free_mappings, known_keys
from relsym.extras import install_line
from relsym.runs.credentials import MASK, is_secret_name

OVERRIDE = re.compile(r"Could not override '([^']+)'")
APPENDED = re.compile(r"\nTo append to your (?:config|default list) use \+(.*)")
OPTION = re.compile(r"Could not find '([^']+)'\s+Available options in '([^']+)':\n((?:\t.+\n?)+)")
# Hydra does not say which group was overridden by null: the words of the command line do.
NULL_OPTION = "Config group override must be a string or a list. Got NoneType"
OF_NULL = re.compile(r"(?:\+|)([\w/@]+)=(?:null|NULL|Null)")
# The sweeper may be installed without the package that it is for.
NO_OPTUNA = re.compile(
    r"(?:No module named|Are you sure that module) '(?:optuna|hydra_plugins\.hydra_optuna_sweeper)\b"
)
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
# A key is named whose likeness (``_likeness``) is ALIKE or more, and at most AS_GOOD below that of the best.
ALIKE, AS_GOOD = 0.6, 0.05
# How many near matches, and how many owners of a key, a message names.
MOST, MOST_OWNERS = 3, 4


def with_near_matches(message: str, cause: str = "") -> str:
    """Hydra's message about a word that does not fit, with what may have been meant.

    Its advice to add a plus is left out: with a plus, nothing would read the key either.

    Args:
        message: Hydra's.
        cause: the first line of the error below it, if there is one.
    """
    without_path = SEARCH_PATH.sub("", message)
    if "'hydra/sweeper/optuna'" in message:
        return _with_optunas_line(without_path)
    if NULL_OPTION in message:
        return _null_options(sys.argv[1:]) or message
    option = OPTION.search(message)
    if option is not None:
        path, group, listed = option.groups()
        chosen = path.removeprefix(f"{group}/")
        return without_path + _meant_option(group, chosen, listed.split())
    override = OVERRIDE.search(message)
    if override is not None:
        key = override[1]
        appended = APPENDED.search(message)
        word = appended[1] if appended is not None else key
        return _refused(key, word)
    return f"{message} {cause}".rstrip()


def with_install_line(message: str) -> str:
    """A message about a package that is not there, with the line that installs it where it is Optuna."""
    return _with_optunas_line(message) if NO_OPTUNA.search(message) else message


def _with_optunas_line(message: str) -> str:
    return f"{message}\nsweep=tune needs Optuna's sweeper: {install_line('optuna')}"


def without_option(group: str) -> str:
    """What to do where a group is to have no option."""
    if group == "tracking":
        return "tracking=none is a run without a tracker."
    return f"Choose one, {group}=NAME, or leave the word out for the default."


def _null_options(words: Iterable[str]) -> str:
    """What to do about each word that overrides a group by null; "" where there is none."""
    groups = {key for key, owners in known_keys().items() if "." not in key and owners}
    problems = []
    for word in words:
        match = OF_NULL.fullmatch(word)
        if match is not None and match[1] in groups:
            problems.append(f"{word}: null is no option of {match[1]}. {without_option(match[1])}")
    return "\n".join(problems)


def unread(key: str, word: str, here: Collection[str] = ()) -> str:
    """That nothing reads a key, and what may have been meant.

    Args:
        key: dotted.
        word: the key with its value.
        here: the keys of the configuration at hand, which come first.
    """
    word = without_secret(word)
    owners = known_keys().get(key, ())
    if "model=auto" in sys.argv[1:]:
        kinds = [f"model={kind}" for kind in MODEL_KINDS if f"model={kind}" in owners]
        if kinds:
            return (
                f"{word}: model=auto has no such key. It finds out what kind the model is and takes that "
                "kind's settings, and a length that the model can read. To set this one, name the kind in "
                f"place of auto: {' or '.join(kinds)}."
            )
    if owners:
        names = ", ".join(owners[:MOST_OWNERS])
        further = len(owners) - MOST_OWNERS
        more = f" and {further} more" if further > 0 else ""
        longer = [name for name in here if name.endswith(f".{key}")]
        return f"{word}: nothing reads this key here. It belongs to {names}{more}.{did_you_mean(longer)}"
    near = near_matches(key, here) or near_matches(key, known_keys())
    return f"{word}: nothing reads this key.{did_you_mean(near)}"


def without_secret(word: str) -> str:
    """A key with its value, which is masked where the key is called as secrets are, or takes a key's name."""
    key, equals, _ = word.partition("=")
    _, _, last = key.rpartition(".")
    if equals and (is_secret_name(last) or last == "key_env"):
        return f"{key}={MASK}"
    return word


def near_matches(word: str, known: Iterable[str]) -> list[str]:
    """At most three of the known words that are like a word or that it is short for, the likeliest first."""
    likeness = {}
    for key in known:
        if not word.startswith(f"{key}."):  # the mapping that the word lies in is never what was meant
            likeness[key] = _likeness(word, key)
    best = max(likeness.values(), default=0.0)
    least = max(ALIKE, best - AS_GOOD)
    good = [key for key, value in likeness.items() if value >= least]
    # Of equally likely ones the shallowest first, then by the alphabet.
    good.sort(key=lambda key: (-likeness[key], key.count("."), key))
    return good[:MOST]


def did_you_mean(words: Collection[str]) -> str:
    """`` Did you mean a, b or c?``; nothing where there are no words."""
    if not words:
        return ""
    *others, last = words
    if not others:
        return f" Did you mean {last}?"
    return f" Did you mean {', '.join(others)} or {last}?"


def _refused(key: str, word: str) -> str:
    """The message about a key that is in no file: a mapping that is {} in its file may get keys with a plus.

    Args:
        key: dotted.
        word: the key with its value, or the key alone where Hydra's message has no value.
    """
    word = without_secret(word)
    above = key.rpartition(".")[0]
    free = free_mappings()
    for name in (key, above):
        if name in free:
            return f"{word}: {name} is empty, and what is added to it takes a plus: +{word}"
    return unread(key, word)


def _meant_option(group: str, chosen: str, options: Collection[str]) -> str:
    """What may have been meant by an option that a group does not have, on a line of its own.

    Any encoder can be chosen by its name, so a group ``model`` has one suggestion always.
    """
    near = []
    if "/" not in chosen:  # a hub id or a path is like no option
        near = [f"{group}={name}" for name in near_matches(chosen, options)]
    if group == "model":
        near.append(f"model=encoder model.name={chosen}")
    return did_you_mean(near).replace(" ", "\n", 1)


def _likeness(word: str, key: str) -> float:
    """How much a word is like a key: 0 not at all, 1 and more where the last part is the key's.

    The numbers are an order of preference: the last part is the same, or is called so elsewhere (1.0 to 1.2);
    it is short for the key's (0.9); it is one of the key's words (0.7); else how alike the letters are.
    """
    last_word = word.rpartition(".")[2]
    last_key = key.rpartition(".")[2]
    whole = SequenceMatcher(None, word, key).ratio()
    if ELSEWHERE.get(last_word, last_word) == last_key:
        # What stands before the last part decides between several such keys.
        return 1.0 + 0.2 * whole if "." in word else 1.0
    parts = last_key.split("_")
    initials = "".join(part[:1] for part in parts)
    if len(parts) > 1 and last_word == initials:  # lr for learning_rate
        return 0.9
    last = 0.9 * SequenceMatcher(None, last_word, last_key).ratio()
    part = 0.7 if last_word in parts else 0.0
    return max(whole, last, part)
