"""A Hugging Face encoder and its tokenizer behind one call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize as to_length_one
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from relsym.data.pairs import Features
from relsym.encoders.attention import EAGER, FUSED, IMPLEMENTATIONS
from relsym.encoders.dense import Dense
from relsym.encoders.module_files import write_module_files
from relsym.encoders.own_tokens import OwnTokens
from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.registry import pooling_named
from relsym.encoders.text_stack import hidden_size_of, warn_of_other_readers
from relsym.encoders.tokens import check_tokens, collate, length_batches, tokenize
from relsym.encoders.weights import state_hash, weights_hash

log = logging.getLogger(__name__)
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
# The best of a few in benchmarks/throughput.py; a GPU's is larger, and there the choice matters little.
TOKENS_PER_BATCH_CPU = {torch.float32: 1024, torch.bfloat16: 4096}
TOKENS_PER_BATCH_GPU = 65536
# Of about one length, in ``Encoder.by_length``: the fastest of 8, 16 and 32 in benchmarks/mixed_lengths.py.
ROWS_OF_ONE_LENGTH = 16


def tokens_for(model: PreTrainedModel) -> int:
    """Tokens of a batch, padding included, for the model's device and precision."""
    if model.device.type == "cpu":
        return TOKENS_PER_BATCH_CPU.get(model.dtype, 1024)
    return TOKENS_PER_BATCH_GPU


class Encoder(nn.Module):
    """Sentences or sentence pairs -> vectors.

    Args:
        model, tokenizer: from transformers.
        pooling: how token vectors become one, as a name of ``POOLINGS`` or as the component itself.
        max_length: tokens after which a text is cut (a warning counts the texts it cut).
        dropout: probability that replaces the model's own while training; None keeps the model's.
        source: where the weights came from (name, revision or commit, hash, and ``published``: their hub id),
            for the record.
        dense: layers after the pooling; they are trained with the rest.
        normalize: whether ``encode`` gives vectors of length 1. Whatever reads vectors to train, probe or
            measure takes ``raw_vectors`` instead.
        lower_case: whether the reader of the model had to make its tokenizer lower texts.

    Raises:
        ValueError: there is no such pooling.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        pooling: str | Pooling = "mean",
        max_length: int = 256,
        dropout: float | int | None = None,
        source: dict[str, str | None] | None = None,
        dense: Sequence[Dense] = (),
        normalize: bool = False,
        lower_case: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.pooling = pooling_named(pooling) if isinstance(pooling, str) else pooling
        self.own_tokens: OwnTokens | None = None
        if self.pooling.reads_own_tokens:
            self.own_tokens = OwnTokens(tokenizer, self.pooling.drops_final_punctuation)
        self.dense = nn.ModuleList(dense)
        self.normalize = normalize
        self.lower_case = lower_case
        self.max_length = max_length
        self.source = source or {}
        for name, parameter in model.named_parameters():
            # The pooler head takes no part in the result: without a gradient, DDP would wait for it for ever.
            parameter.requires_grad_(not name.startswith("pooler."))
        if dropout is not None:
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = dropout

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        if self.dense:
            return self.dense[-1].shape.outputs
        return self.pooling.channels(hidden_size_of(self.model))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @torch.no_grad()
    def drops_out(self) -> bool:
        """Whether a text has another vector each time it is encoded in training.

        Dropout may be a module, which an adapter hides as long as its weights are 0, or a function, which two
        passes tell.
        """
        modules = (module for module in self.model.modules() if isinstance(module, nn.Dropout))
        if any(module.p > 0 for module in modules):
            return True
        inputs = self.collate(self.tokenize(["a"]))
        inputs = {key: tensor.to(self.device) for key, tensor in inputs.items()}
        training = self.training
        self.train()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):  # what is drawn here must not change the training
            first, second = self(inputs), self(inputs)
        self.train(training)
        return not first.equal(second)

    @property
    def bytes_of_weights(self) -> int:
        """How many bytes ``save`` writes at least."""
        return self.model.get_memory_footprint(return_buffers=False)

    @property
    def attention(self) -> str:
        """How attention is computed: ``eager``, or ``fused`` by one of torch's kernels."""
        return EAGER if self.model.config._attn_implementation == IMPLEMENTATIONS[EAGER] else FUSED

    def attend(self, way: str) -> None:
        """Compute attention step by step or by torch's fused kernel, until the encoder is loaded again.

        The values are the same up to rounding. With dropout in the attention (0.1 in most models) torch has
        no fused kernel for training on a CPU: its function is called, and computes step by step itself.

        Args:
            way: ``eager`` or ``fused``.

        Raises:
            ValueError: transformers has no such way for this model.
        """
        reason = "it does not follow transformers' choice of attention"
        try:
            self.model.set_attn_implementation(IMPLEMENTATIONS[way])
        except ValueError as error:
            reason = str(error).partition(" Please ")[0].rstrip(".")
        if self.attention != way:
            raise ValueError(
                f"training.attention={way}: {type(self.model).__name__} is computed in the {self.attention} "
                f"way ({reason}). Leave training.attention=auto."
            )

    def fingerprint(self) -> str:
        """SHA-256 of weights and vocabulary, and of dense layers and lower-casing where there are some."""
        transformer = weights_hash(self.model, self.tokenizer)
        if not self.dense and not self.lower_case:
            return transformer
        shapes = [layer.shape for layer in self.dense]
        parts = [transformer, state_hash(self.dense), shapes, self.lower_case]
        return sha256(repr(parts).encode()).hexdigest()

    def tokenize(self, texts: Sequence[str], seconds: Sequence[str] | None = None) -> Features:
        """Token lists of single texts, or of text pairs as one input."""
        features = tokenize(self.tokenizer, texts, seconds, self.max_length)
        check_tokens((feature["input_ids"] for feature in features), self.tokenizer, self.model)
        # A text of exactly this length was perhaps not cut: the tokens do not tell.
        full = sum(len(feature["input_ids"]) >= self.max_length for feature in features)
        if full:
            log.warning(
                "%d of %d texts reach model.max_length=%d tokens and may be cut",
                full,
                len(features),
                self.max_length,
            )
        return features

    def collate(self, features: Features) -> dict[str, Tensor]:
        """Pad token lists into tensors [n length]."""
        return collate(self.tokenizer, features)

    def forward(self, inputs: dict[str, Tensor]) -> Float[Tensor, "n dim"]:
        """Vectors of a padded batch, in fp32 where the weights are of lower precision."""
        hidden = self.model(**inputs).last_hidden_state  # [n length dim]
        if hidden.element_size() < 4:
            # Pooling and metric need the digits that bf16 drops.
            hidden = hidden.float()
        mask = inputs["attention_mask"]
        if self.own_tokens is not None:
            mask = self.own_tokens(inputs["input_ids"], mask)
        vectors = self.pooling(hidden, mask)
        for layer in self.dense:
            vectors = layer(vectors)
        return vectors.float() if vectors.element_size() < 4 else vectors

    def by_length(self, inputs: dict[str, Tensor]) -> Float[Tensor, "n dim"]:
        """The vectors that ``forward`` gives, up to rounding, for rows of mixed lengths.

        On a CPU a few rows are encoded at a time, from short to long, so that short ones are padded less.
        """
        mask = inputs["attention_mask"]
        if mask.device.type != "cpu":
            return self(inputs)
        order = mask.sum(1).argsort(stable=True)
        vectors = []
        for rows in order.split(ROWS_OF_ONE_LENGTH):
            used = mask[rows].any(0)  # the columns that are not padding in all of these rows
            group = {key: tensor[rows][:, used] for key, tensor in inputs.items()}
            vectors.append(self(group))
        by_row = order.argsort()  # undoes the order
        return torch.cat(vectors)[by_row]

    @torch.inference_mode()
    def encode(
        self,
        texts: Sequence[str],
        seconds: Sequence[str] | None = None,
        tokens_per_batch: int | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Float[Tensor, "n dim"]:
        """Vectors of any number of texts or text pairs, as ``SentenceTransformer.encode`` gives them.

        They are those of ``raw_vectors``, of length 1 where the model says so.

        Args: as ``raw_vectors``.
        """
        vectors = self.raw_vectors(texts, seconds, tokens_per_batch, advance)
        return to_length_one(vectors, dim=-1) if self.normalize else vectors

    @torch.inference_mode()
    def raw_vectors(
        self,
        texts: Sequence[str],
        seconds: Sequence[str] | None = None,
        tokens_per_batch: int | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Float[Tensor, "n dim"]:
        """What heads, probes and measures read: vectors in their order, on the CPU, in fp32, of any length.

        They are encoded in batches of similar length, without dropout.

        Args:
            texts: single texts, or the first text of each pair.
            seconds: the second text of each pair.
            tokens_per_batch: padding included; None takes a default for the device.
            advance: called with the number of texts done after each batch (for a progress bar).
        """
        features = self.tokenize(texts, seconds)
        vectors = torch.empty(len(features), self.dim)
        tokens = tokens_per_batch or tokens_for(self.model)
        training = self.training
        self.eval()
        for rows in length_batches(features, tokens):
            padded = self.collate([features[row] for row in rows])
            inputs = {key: tensor.to(self.device) for key, tensor in padded.items()}
            vectors[rows] = self(inputs).cpu()
            advance(len(rows))
        self.train(training)
        return vectors

    def save(self, folder: Path) -> None:
        """Write a folder that ``AutoModel`` and sentence-transformers load (safetensors).

        The encoder of a model with a decoder needs ``AutoModelForTextEncoding`` or its own class; a warning
        says where sentence-transformers would not take it for one. A pooling that it lacks is computed there
        by a module that is written too (``Pooling.module``).
        """
        warn_of_other_readers(self.model)
        if self.pooling.module is not None:
            log.info(
                "the saved encoder is pooled by %s; SentenceTransformer reads it with trust_remote_code=True",
                self.pooling.name,
            )
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        hidden_size = hidden_size_of(self.model)
        write_module_files(
            folder,
            hidden_size,
            self.pooling,
            self.max_length,
            list(self.dense),
            self.normalize,
            self.own_tokens,
        )
