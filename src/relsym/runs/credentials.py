"""Passwords, keys and signatures in addresses: found in what is to be stored, masked in what is shown.

An address may hold them as ``user:password@`` or in its query, as signed ones do (``X-Amz-Signature=``). The
request takes it as it is; nothing else does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

MASK = "***"
# Names whose last word is one of these are given to secrets: api_key, X-Amz-Signature, token2, otp.
_LAST_WORDS = re.compile(
    "accesskeyid|auth|authorization|bearer|cookie|credential|hmac|jwt|key|keyid|otp|pass|pw|pwd|sas|session|"
    "sessionid|sig|signed|ticket"
)
# Words that mean nothing else, also where they are joined to the word before: accesstoken, PGPASSWORD.
_LAST_LETTERS = re.compile(
    "(accesskey|apikey|authkey|passphrase|passwd|password|privatekey|secret|secretkey|sharedkey|signature|"
    "token)$"
)
# What may follow such a word without changing what it is: secret_value.
_FILLERS = frozenset(("value", "val", "string", "text"))
# A key or a token is no secret behind one of these words: sort_key, on_bad_row_key, max_tokens, eos_token.
_HARMLESS = re.compile(
    "(cache|column|entry|field|foreign|group|index|join|lookup|object|order|partition|primary|public|row|"
    "sort) key"
    "|(bos|cls|completion|end|eos|mask|max|min|n|new|num|pad|prompt|sep|special|start|stop|unk) token"
)
# A name's words: digits aside, split where a sign stands or where capitals begin.
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
# In the name of an environment variable such a word may stand anywhere: HF_TOKEN_READ.
SECRET_WORD = re.compile(r"KEY\d*$|API_?KEY|CREDENTIAL|PASSW|SECRET|TOKEN", re.IGNORECASE)
# Whose signed addresses begin their parameters so: X-Amz-Date.
_SIGNERS = frozenset(("amz", "goog", "ms", "oss", "cos"))
# What stands beside a signature and changes with it.
BESIDE_SIGNATURE = ("expires", "se", "sp", "sr", "st", "sv", "sip", "spr", "skoid", "sktid", "skt", "ske")
# Shorter values of such variables are part of any text.
SHORTEST = 6
# A value that may be drawn at random, unless it is one of _NOT_RANDOM or words that signs join.
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.~-]{20,}")
_NOT_RANDOM = re.compile(
    r"[0-9a-f]{40}|[0-9a-f]{64}"  # a commit, a checksum
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|.*\.[a-z][a-z0-9]{0,4}",  # the name of a file
    re.IGNORECASE,
)
_JOINTS = re.compile(r"[-_./~]")
# In characters: longer parts that mix digits and letters are no words.
_LONGEST_WORD = 15
# Parameters that name a thing, in whatever letters and digits.
_NAMES_A_THING = frozenset(
    ("id", "uuid", "doi", "revision", "version", "commit", "checksum", "hash", "sha", "md", "etag")
)
# What may follow a host: a port, or an interpolation in place of one, and then the end of the address.
_PORT = r"(?:\d{0,5}|\0)(?:[/?#,;\s)\]}\"']|$)"
# Before the user: ://, what is typed for it, and // where a word begins.
_START = r"(?:\bhttps?:[/\\]+|://|(?<![^\s\"'(=,\[{])//)"
# User and password, in the forms: no slash and no quote; quotes in the password; slashes in the password.
_PLAIN_USERINFO = r"[^\s/\\?#\"'<>]*"
_QUOTED_USERINFO = rf"[^\s/\\?#@:\"'<>\[]*:(?!{_PORT})[^\s/?#<>@]*"
_SLASHED_USERINFO = rf"[^\s/\\?#@:\"'<>\[]*:(?!{_PORT})[^\s\"'<>]*"
_USERINFO = re.compile(
    rf"(?P<start>{_START})(?P<userinfo>{_PLAIN_USERINFO}|{_QUOTED_USERINFO}|{_SLASHED_USERINFO})@"
)
_QUERY = re.compile(r"\?(?=[\w.%~+\[\]-]+=)[^\s\"'<>)\]}]*")
_PARAMETER = re.compile(r"[?&#;]([^\s=&#;\"'<>?]+)=([^\s&#;\"'<>)\]},]*)")
# What may stand behind the @ of an address without a scheme: [::1], 10.0.0.1, example.org, localhost, and
# any name with a port or a path.
_BARE_HOST = (
    r"(?:\[[0-9A-Fa-f:.]+\]|\d+(?:\.\d+){3}|[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}|localhost"
    r"|[\w-]+(?=:\d{2,5}\b|/))(?![\w.-])"
)
# The user of such an address: no number as in 12:30, no id as in P26:Q5, no word that comes before a mail.
_BARE_USER = r"(?!(?:\d+|[PQL]\d+|mailto|e?mail|contact):)[^\s/\\:@=\"'(,\[{]+"
# An address without its scheme, where a word begins.
_BARE = re.compile(
    rf"(?:(?<=[\s\"'(=,\[{{])|^){_BARE_USER}:(?![/\\]|{_PORT})(?P<password>[^\s@\"']+)@(?={_BARE_HOST})"
)
_INNERMOST = re.compile(r"\$\{([^{}]*)\}")
# What comes before the text of an interpolation: its resolver, and the variable that the text stands in for.
_RESOLVER = re.compile(r"(?:oc\.env:\s*[^,]*(?:,|$)|[\w.]+:(?!//))\s*")
# Stands for an interpolation, whose value is not known.
_UNKNOWN = "\0"


def holds_secret(text: str) -> bool:
    """Whether a text holds an address with a password, a user name that may be a token, or a secret in its
    query.

    What an interpolation (``${oc.env:NAME}``) will fill in does not count, its own words do.
    """
    return any(_part_holds_secret(part) for part in _literal_parts(text))


def masked(text: str) -> str:
    """A text for people: of addresses in it no user, no password and no query is shown.

    Nor are the values of environment variables that are called as secrets are.
    """
    shown = _USERINFO.sub(rf"\g<start>{MASK}@", text)
    shown = _BARE.sub(f"{MASK}@", shown)
    shown = _QUERY.sub(f"?{MASK}", shown)
    shown = _PARAMETER.sub(_without_value, shown)
    # Of two values the longer first, for one may hold the other.
    for value in sorted(_environment_secrets(), key=len, reverse=True):
        shown = shown.replace(value, MASK)
    return shown


def public(url: str) -> str:
    """The address without user, password and signature: what it is about, whoever asks and whenever."""
    parts = urlsplit(_BARE.sub("", _USERINFO.sub(r"\g<start>", url)))
    path = _PARAMETER.sub(_without_secret, parts.path)
    parameters = [parameter.partition("=") for parameter in parts.query.split("&")]
    kept = [parameter for parameter in parameters if not _is_secret(parameter[0], parameter[2])]
    if len(kept) < len(parameters):
        kept = [parameter for parameter in kept if parameter[0].lower() not in BESIDE_SIGNATURE]
    query = "&".join("".join(parameter) for parameter in kept)
    return parts._replace(path=path, query=query, fragment="").geturl()


def is_secret_name(name: str) -> bool:
    """Whether a parameter or an environment variable of this name holds a secret, as far as names tell."""
    words = _words(name)
    if words[:1] == ["x"] and _SIGNERS.intersection(words[1:2]):
        return True
    while words and words[-1] in _FILLERS:
        words.pop()
    if not words:
        return False
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if _HARMLESS.fullmatch(f"{before} {last}"):
        return False
    # AWSAccessKeyId and APIkey: two words.
    if _LAST_WORDS.fullmatch(last) or _LAST_WORDS.fullmatch(before + last):
        return True
    return _LAST_LETTERS.search(before + last) is not None


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable of this name holds a secret, as far as names tell."""
    return is_secret_name(name) or SECRET_WORD.search(name) is not None


def _environment_secrets() -> list[str]:
    """The values of environment variables that are called as secrets are."""
    values = []
    for name, value in os.environ.items():
        # A path is shown: it names where a secret lies.
        if len(value) >= SHORTEST and is_secret_variable(name) and not value.startswith(("/", "~")):
            values.append(value)
    return values


def _literal_parts(text: str) -> Iterator[str]:
    """The text with each interpolation replaced by ``_UNKNOWN``, and what stands in the interpolations."""
    while True:
        match = _INNERMOST.search(text)
        if match is None:
            yield text
            return
        yield _RESOLVER.sub("", match[1], count=1) if _RESOLVER.match(match[1]) else match[1]
        text = f"{text[: match.start()]}{_UNKNOWN}{text[match.end() :]}"


def _part_holds_secret(text: str) -> bool:
    for match in _BARE.finditer(text):
        start = match.start()
        # Behind a blank, in a sentence, it is no address.
        in_sentence = text[start - 1 : start] in (" ", "(")
        if not in_sentence and match["password"].replace(_UNKNOWN, ""):
            return True
    for match in _USERINFO.finditer(text):
        user, colon, password = match["userinfo"].partition(":")
        secret = password if colon else user
        if secret.replace(_UNKNOWN, ""):
            return True
    for word in text.split():
        # An address, or one without its scheme, which has something before its query.
        if "://" in word or word.find("?") > 0:
            for name, value in _PARAMETER.findall(word):
                if _is_secret(name, value.replace(_UNKNOWN, "")):
                    return True
    return False


def _words(name: str) -> list[str]:
    """The words of a name, ``apiKeys`` or ``token%5B0%5D``, in small letters and in the singular."""
    words = []
    for word in _WORD.findall(unquote(name)):
        lower = word.lower()
        words.append(lower if lower.endswith("ss") else lower.removesuffix("s"))
    return words


def _is_secret(name: str, value: str) -> bool:
    """Whether a parameter holds a secret: by its name, in an address, or since its value looks random."""
    if not value:
        return False
    if is_secret_name(name):
        return True
    plain = _decoded(value)
    # The value is an address of its own.
    return _part_holds_secret(plain) or (
        _looks_random(plain) and not _NAMES_A_THING.intersection(_words(name)[-1:])
    )


def _decoded(value: str) -> str:
    """A value of a query without its percent signs, however often it was encoded."""
    while (plain := unquote(value)) != value:
        value = plain
    return value


def _looks_random(value: str) -> bool:
    """Whether a value may be drawn at random: no words with signs between, no checksum, no file."""
    if not _RANDOM.fullmatch(value) or _NOT_RANDOM.fullmatch(value):
        return False
    return any(_is_mixed(part) for part in _JOINTS.split(value))


def _is_mixed(part: str) -> bool:
    """Whether a part is too long for a word and has both digits and letters."""
    return len(part) > _LONGEST_WORD and not part.isdigit() and not part.isalpha()


def _without_value(match: re.Match[str]) -> str:
    """A parameter whose value is masked if it is a secret."""
    name, value = match[1], match[2]
    return match[0].removesuffix(value) + MASK if _is_secret(name, value) else match[0]


def _without_secret(match: re.Match[str]) -> str:
    """A parameter, or nothing in its place if it is a secret."""
    return "" if _is_secret(match[1], match[2]) else match[0]
