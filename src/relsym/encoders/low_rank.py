"""An encoder as what training changed of a known one, in matrices of low rank: a few megabytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from jaxtyping import Float, Float16, Int8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from relsym.encoders.bundled import MINILM_HUB_ID, MINILM_SHA256, load_bundled
from relsym.encoders.encoder import Encoder
from relsym.encoders.pooling.base import Pooling
from relsym.ranges import PositiveInt
from relsym.runs.files import write_atomically
from relsym.visible import printable

LOW_RANK_FORMAT = "relsym low rank 1"
# What stands behind the name of a weight: its factors, what these are multiplied by, or a plain difference.
LEFT, RIGHT, LEFT_SCALE, RIGHT_SCALE = ".left", ".right", ".left_scale", ".right_scale"
FACTORS = {LEFT: torch.int8, RIGHT: torch.int8, LEFT_SCALE: torch.float16, RIGHT_SCALE: torch.float16}
DIFFERENCE = ".difference"
LARGEST_WHOLE = 127  # the largest number of a factor
# The known encoders, by the SHA-256 of their weights, and these by the hub's id of the encoder.
BASES: dict[str, Callable[..., Encoder]] = {MINILM_SHA256: load_bundled}
WEIGHTS_OF: dict[str | None, str] = {MINILM_HUB_ID: MINILM_SHA256}
# Word embeddings are as large as all layers together, and change in fewer directions.
EMBEDDING_SHARE = 6
EMBEDDINGS = "embeddings."


def low_rank_tensors(
    trained: Mapping[str, Tensor], base: Mapping[str, Tensor], rank: PositiveInt
) -> dict[str, Tensor]:
    """What a training changed, as factors of a low rank, a byte for each number.

        W = W_0 + (A diag(a)) (diag(b) B),   A [n rank] and B [rank m] in int8, a and b [rank] in fp16

    A and B are the truncated singular value decomposition of W - W_0, the nearest matrix of that rank (Eckart
    and Young 1936, Psychometrika 1, 211-218); what LoRA has changed has a low rank already. Each column of A
    and row of B is scaled so that its largest number is 127. Biases, and the scales of layer normalisation,
    stand as their differences, in fp16.

    Args:
        trained, base: weights of one architecture, by name.
        rank: of the changes of linear layers; those of embeddings get a sixth of it, and one at least.

    Raises:
        ValueError: other names, other shapes, or a difference that fp16 cannot hold.
    """
    if trained.keys() != base.keys():
        [name, *_] = trained.keys() ^ base.keys()
        raise ValueError(
            f"{name}: only one of the two encoders has it, so that one did not come of the other."
        )
    tensors = {}
    for name, weight in trained.items():
        if weight.shape != base[name].shape:
            raise ValueError(f"{name}: {list(weight.shape)}, and {list(base[name].shape)} before training.")
        change = weight.double() - base[name].double()
        kept = max(1, rank // EMBEDDING_SHARE) if name.startswith(EMBEDDINGS) else rank
        if not change.any():
            continue
        if change.ndim == 2:
            left, values, right = torch.linalg.svd(change, full_matrices=False)
            root = values[:kept].sqrt()
            tensors[name + LEFT], tensors[name + LEFT_SCALE] = _in_bytes(left[:, :kept] * root, 0)
            tensors[name + RIGHT], tensors[name + RIGHT_SCALE] = _in_bytes(root[:, None] * right[:kept], 1)
        else:
            tensors[name + DIFFERENCE] = change.half()
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name}: holds numbers beyond fp16: the training has diverged.")
    return tensors


def _in_bytes(
    factor: Float[Tensor, "n m"], along: int
) -> tuple[Int8[Tensor, "n m"], Float16[Tensor, " rank"]]:
    """A factor in whole numbers, and what its columns (along 0) or rows (along 1) are multiplied by."""
    scale = (factor.abs().amax(along, keepdim=True) / LARGEST_WHOLE).half()
    # A singular value of 0 has no direction to keep.
    divisor = torch.where(scale == 0, 1, scale.double())
    whole = (factor / divisor).round().clamp(-LARGEST_WHOLE, LARGEST_WHOLE)
    return whole.to(torch.int8).contiguous(), scale.flatten()


def write_changes(path: Path, encoder: Encoder, published: str | None, rank: PositiveInt) -> None:
    """Write what training changed of a known encoder.

    Args:
        path: of the file.
        encoder: on the CPU in fp32.
        published: the hub's id of the encoder before training.
        rank: see ``low_rank_tensors``.

    Raises:
        ValueError: that one is not known, or has other parts.
    """
    if published not in WEIGHTS_OF:
        raise ValueError(
            f"rank={rank}: low-rank weights change an encoder that is known "
            f"({', '.join(map(str, WEIGHTS_OF))}), and this run began with {printable(str(published))}. "
            "Leave rank out."
        )
    weights = WEIGHTS_OF[published]
    base = BASES[weights]()
    parts = [(len(one.dense), one.normalize, one.lower_case) for one in (encoder, base)]
    if parts[0] != parts[1] or any(True for _ in encoder.pooling.parameters()):
        raise ValueError(f"rank={rank}: the encoder has parts beside its transformer. Leave rank out.")
    write_low_rank(path, low_rank_tensors(encoder.model.state_dict(), base.model.state_dict(), rank), weights)


def write_low_rank(path: Path, tensors: Mapping[str, Tensor], base: str) -> None:
    """Write what ``low_rank_tensors`` gives.

    Args:
        base: SHA-256 of the weights before training.
    """
    metadata = {"format": LOW_RANK_FORMAT, "base": base}
    write_atomically(path, lambda partial: save_file(dict(tensors), partial, metadata=metadata))


def load_low_rank(path: Path, pooling: Pooling, max_length: int | None, dropout: float | None) -> Encoder:
    """The known encoder that a file names, with the changes that are in it.

    Args:
        path: as ``write_low_rank`` wrote it.
        pooling: with which the changes were trained.
        max_length, dropout: see ``Encoder``; None takes the known encoder's length.

    Raises:
        ImportError: the package with the known encoder is not installed.
        ValueError: the file is damaged, or of an encoder that is not known.
    """
    tensors, base = _read(path)
    if base not in BASES:
        raise ValueError(
            f"{path}: changes an encoder whose weights have the SHA-256 {printable(str(base))}, and none "
            f"that is known has. Known: {', '.join(BASES)}."
        )
    known = BASES[base]()
    add_changes(known.model.state_dict(), tensors, path)
    return Encoder(
        known.model,
        known.tokenizer,
        pooling,
        max_length or known.max_length,
        dropout,
        {"name": f"{path}, which changes {known.source['name']}", "revision": None, "commit": None},
        list(known.dense),
        known.normalize,
        known.lower_case,
    )


def _read(path: Path) -> tuple[dict[str, Tensor], str | None]:
    """The tensors in a file, and the encoder that they change."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged, or no safetensors file ({printable(str(error))}).") from error
    if metadata.get("format") != LOW_RANK_FORMAT:
        raise ValueError(
            f"{path}: no low-rank weights of relsym (its metadata does not say {LOW_RANK_FORMAT})."
        )
    return tensors, metadata.get("base")


def add_changes(weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Add the changes to weights, in place.

    Sums are in fp64. There they are exact, for a product has 36 binary digits and those that are added lie
    close together, so that every processor makes the same weights, whose hash names the encoder.

    Args:
        weights: in fp32, by name.
        tensors: see ``low_rank_tensors``.
        path: of the file that they are from, for messages.

    Raises:
        ValueError: a change of what the encoder does not have, or of another shape.
    """
    changes: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        weight_name, dot, part = name.rpartition(".")
        changes.setdefault(weight_name, {})[dot + part] = tensor
    for weight_name, parts in changes.items():
        shown = f"{path}: {printable(weight_name)}"
        weight = weights.get(weight_name)
        if weight is None or not weight.is_floating_point():
            raise ValueError(f"{shown}: the encoder has no such weight.")
        shape = _shape_of(parts)
        if shape is None:
            listed = ", ".join(printable(part) for part in sorted(parts))
            raise ValueError(f"{shown}: what stands there is no change: {listed}.")
        # Before anything is multiplied: the product of two thin factors may be of any size.
        if shape != weight.shape:
            shapes = f"{list(shape)}, and it has {list(weight.shape)}"
            raise ValueError(f"{shown}: the change is of the shape {shapes}.")
        changed = weight.double() + _change(parts)
        if not changed.isfinite().all():
            raise ValueError(f"{shown}: the change holds NaN or infinite numbers.")
        weight.copy_(changed.to(weight.dtype))


def _shape_of(parts: Mapping[str, Tensor]) -> torch.Size | None:
    """The shape of the change of one weight; None if the parts make none.

    Args:
        parts: by what stands behind the name of the weight.
    """
    if parts.keys() == {DIFFERENCE}:
        return parts[DIFFERENCE].shape
    if {part: tensor.dtype for part, tensor in parts.items()} != FACTORS:
        return None
    left, right, left_scale, right_scale = (parts[part] for part in FACTORS)
    if (left.ndim, right.ndim, left_scale.ndim, right_scale.ndim) != (2, 2, 1, 1):
        return None
    ranks = {left.shape[1], right.shape[0], len(left_scale), len(right_scale)}
    return torch.Size((left.shape[0], right.shape[1])) if len(ranks) == 1 else None


def _change(parts: Mapping[str, Tensor]) -> Tensor:
    """The change of one weight in fp64."""
    if DIFFERENCE in parts:
        return parts[DIFFERENCE].double()
    left, right, left_scale, right_scale = (parts[part].double() for part in FACTORS)
    return (left * left_scale) @ (right_scale[:, None] * right)
