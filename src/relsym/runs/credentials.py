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
# The ends of names that are given to secrets, without what separates words: api_key, X-Amz-Signature, sig.
_ENDS = (
    "accesskeyid|auth|authorization|cookie|credential|credentials|hmac|jwt|key|keyid|pass|passphrase|passwd|"
    "password|policy|pw|pwd|sas|secret|session|sessionid|sig|signature|signed|ticket|token"
)
SECRET_NAME = re.compile(rf"(x(amz|goog|ms|oss|cos).*|.*({_ENDS}))", re.IGNORECASE)
# In the name of an environment variable such a word may stand anywhere: HF_TOKEN_READ.
SECRET_WORD = re.compile(r"API_?KEY|CREDENTIAL|PASSW|SECRET|TOKEN", re.IGNORECASE)
# What stands beside a signature and changes with it.
BESIDE_SIGNATURE = ("expires", "se", "sp", "sr", "st", "sv", "sip", "spr", "skoid", "sktid", "skt", "ske")
# Shorter values of such variables are part of any text.
SHORTEST = 6
# A value that looks drawn at random, whatever it is called.
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.~-]{20,}")
# What stands between :// and the last @ before the host. The second form is a password with a slash in it,
# which is told from a port by not being a number.
_USERINFO = re.compile(
    r"(?<=://)(?:[^\s/?#\"'<>]*|[^\s/?#@:\"'<>\[]*:(?!(?:\d{0,5}|\0)(?:[/?#,;\s)\]}\"']|$))[^\s\"'<>]*)@"
)
_QUERY = re.compile(r"\?(?=[\w.%~+-]+=)[^\s\"'<>)\]}]*")
_PARAMETER = re.compile(r"[?&#]([^\s=&#\"'<>?]+)=([^\s&#\"'<>)\]},]*)")
_ADDRESS = re.compile(r"\S*://\S*")
# An address without its scheme, as a whole value and within a text.
_BARE = re.compile(r"(?://)?(?!mailto:)[^\s/:@=]+:([^\s/@]+)@[\w.-]+(?::\d+)?(?:/\S*)?")
_BARE_WITHIN = re.compile(r"(?!mailto:)\b[^\s/:@=\"'(]+:[^\s/@\"']+@(?=[\w-]+\.\w)")
_INNERMOST = re.compile(r"\$\{([^{}]*)\}")
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
    shown = _USERINFO.sub(f"{MASK}@", text)
    shown = _BARE_WITHIN.sub(f"{MASK}@", shown)
    shown = _QUERY.sub(f"?{MASK}", shown)
    shown = _PARAMETER.sub(_without_value, shown)
    # Of two values the longer first, for one may hold the other.
    for value in sorted(_environment_secrets(), key=len, reverse=True):
        shown = shown.replace(value, MASK)
    return shown


def public(url: str) -> str:
    """The address without user, password and signature: what it is about, whoever asks and whenever."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    parameters = [parameter.partition("=") for parameter in parts.query.split("&")]
    kept = [parameter for parameter in parameters if not _is_secret(parameter[0], parameter[2])]
    if len(kept) < len(parameters):
        kept = [parameter for parameter in kept if parameter[0].lower() not in BESIDE_SIGNATURE]
    query = "&".join("".join(parameter) for parameter in kept)
    return parts._replace(netloc=host, query=query, fragment="").geturl()


def is_secret_name(name: str) -> bool:
    """Whether a parameter or an environment variable of this name holds a secret, as far as names tell."""
    plain = re.sub(r"[^A-Za-z0-9]", "", unquote(name))
    return SECRET_NAME.fullmatch(plain) is not None


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
        yield match[1]
        text = f"{text[: match.start()]}{_UNKNOWN}{text[match.end() :]}"


def _part_holds_secret(text: str) -> bool:
    bare = _BARE.fullmatch(text)
    if bare is not None and bare[1].replace(_UNKNOWN, ""):
        return True
    for match in _USERINFO.finditer(text):
        user, colon, password = match[0].removesuffix("@").partition(":")
        secret = password if colon else user
        if secret.replace(_UNKNOWN, ""):
            return True
    for address in _ADDRESS.finditer(text):
        for name, value in _PARAMETER.findall(address[0]):
            if _is_secret(name, value.replace(_UNKNOWN, "")):
                return True
    return False


def _is_secret(name: str, value: str) -> bool:
    """Whether a parameter of a query holds a secret: by its name, or since its value looks random."""
    if not value:
        return False
    return is_secret_name(name) or _RANDOM.fullmatch(unquote(value)) is not None


def _without_value(match: re.Match[str]) -> str:
    """A parameter whose value is masked if it is a secret."""
    name, value = match[1], match[2]
    return match[0].removesuffix(value) + MASK if _is_secret(name, value) else match[0]
