"""NLI cross-encoders: both texts in, three probabilities out."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from itertools import permutations
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.encoders.encoder import tokens_for
from relsym.encoders.load import hub_commit, loading_reason, local_or_hub
from relsym.encoders.padding_check import warn_if_padding_is_read
from relsym.encoders.tokens import (
    check_padding,
    check_tokens,
    collate,
    fit_tokenizer,
    length_batches,
    length_of,
    tokenize,
)
from relsym.encoders.weights import load_weights, weights_hash
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.canaries import canaries_for, fewest_right
from relsym.models.device import device_of, dtype_of
from relsym.models.three_way import ThreeWay
from relsym.ranges import Length, PositiveInt

log = logging.getLogger(__name__)
# Parts of the names that published models give their labels; "not" comes first, for "not_entailment" holds
# "entail" as well.
NAME_PARTS = (
    ("not", CONTRADICTION),
    ("entail", ENTAILMENT),
    ("neutral", NEUTRAL),
    ("contradict", CONTRADICTION),
)


@final
class CrossEncoder(Model):
    """A sequence classifier of pairs; ``ThreeWay`` says how its classes are read.

    Its labels are entailment, neutral and contradiction, or entailment and its absence.

    The order of the labels is read from ``id2label`` and checked on canary pairs: a model whose labels are in
    another order than it says would be scored upside down, and nobody would see it. A model that answers them
    no better than by chance (a head that was never trained, say) is refused as well; see ``fewest_right``.

    Args:
        name: hub id or local folder (safetensors).
        revision: of the hub.
        label_order: names of the classes in the model's order, where ``id2label`` does not say; None reads
            it.
        check_labels: False skips the canary pairs.
        max_length: tokens of a pair; longer ones are cut. None takes 256, or what the model reads if that is
            less.
        tokens_per_batch: padding included; None takes a default for device and precision.
        precision: fp32 or bf16.
        accelerator: cpu, gpu or auto.

    Raises:
        ValueError: no such model, weights that are not in its files, a tokenizer of another model or without
            the end token that the model answers from, unknown label names, an order that the canary pairs
            contradict, or answers to them at chance level.
    """

    kind: ClassVar[str] = "nli"

    def __init__(
        self,
        name: str,
        revision: str | None,
        label_order: list[str] | None,
        check_labels: bool,
        max_length: Length | None,
        tokens_per_batch: PositiveInt | None,
        trust_remote_code: bool,
        precision: str,
        accelerator: str,
    ) -> None:
        name = local_or_hub(name)
        options = {"revision": revision, "trust_remote_code": trust_remote_code}
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name, **options)
            self.network = load_weights(AutoModelForSequenceClassification, name, **options)
        except Exception as error:  # safetensors and the hub raise types of their own
            reason = loading_reason(error)
            raise ValueError(
                f"model.name={name}: cannot load the NLI model: {reason} Pass a hub id (and a network) or a "
                "folder with a sequence classifier in safetensors; a run is model=run."
            ) from error
        check_padding(name, self.tokenizer)
        fit_tokenizer(name, self.tokenizer, self.network)
        fit_classifier(name, self.tokenizer, self.network)
        self.max_length = length_of(name, max_length, None, self.network)
        self.classes = classes_of(name, self.network.config.id2label, label_order)
        # Before they are moved and rounded: the hash tells weights apart, not settings.
        self.hash = weights_hash(self.network, self.tokenizer)
        self.name = name
        commit = hub_commit(name, revision)
        self.source = {"name": name, "revision": revision, "commit": commit, "classes": self.classes}
        # XLNet's head reads the last place of a batch, padding or not, and its positions are relative:
        # padded in front, a pair has the answer that it has alone.
        self.reads_last_place = getattr(self.network.config, "summary_type", None) == "last"
        warn_if_padding_is_read(name, self.network, self.tokenizer, self.reads_last_place)
        self.network.eval().to(device_of(accelerator), dtype_of(precision))
        self.tokens_per_batch = tokens_per_batch or tokens_for(self.network)
        if check_labels:
            self._check_canaries()

    def prepare(self, examples: Examples) -> None:
        """Nothing is learnt from the examples."""
        self.rules = ThreeWay(self.classes, examples.labels)

    def fingerprint(self) -> str:
        """SHA-256 of weights and vocabulary, then the labels in the order of the classes."""
        return f"{self.hash} {' '.join(self.classes)}"

    @torch.inference_mode()
    def probabilities(
        self, premises: Sequence[str], hypotheses: Sequence[str], advance: Advance = lambda count: None
    ) -> Float[Tensor, "n m"]:
        """Softmax over the classes, in fp32, on the CPU."""
        features = tokenize(self.tokenizer, premises, hypotheses, self.max_length)
        check_tokens((feature["input_ids"] for feature in features), self.tokenizer, self.network)
        lengths = [len(feature["input_ids"]) for feature in features]
        full = sum(length >= self.max_length for length in lengths)
        if full:
            log.warning(
                "%d of %d pairs reach model.max_length=%d tokens and may be cut",
                full,
                len(features),
                self.max_length,
            )
        # Batches come sorted by length; each row's result goes back to its place.
        probabilities = torch.empty(len(features), len(self.classes))
        for rows in length_batches(features, self.tokens_per_batch):
            batch = [features[row] for row in rows]
            inputs = collate(self.tokenizer, batch, self.reads_last_place)
            on_device = {key: tensor.to(self.network.device) for key, tensor in inputs.items()}
            logits = self.network(**on_device).logits
            probabilities[rows] = logits.float().softmax(-1).cpu()
            advance(len(rows))
        return probabilities

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The probability of each class."""
        premises = [row.premise for row in rows]
        hypotheses = [row.hypothesis for row in rows]
        probabilities = self.probabilities(premises, hypotheses, advance)
        return dict(zip(self.classes, probabilities.T.tolist(), strict=True))

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:
        """Choose the threshold of ``ThreeWay``."""
        self.rules.calibrate(form, labels, measured)

    def readings(self) -> tuple[Reading, ...]:
        """The rules of ``ThreeWay``."""
        return self.rules.readings()

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers by one rule of ``ThreeWay``."""
        return self.rules.read(reading, form, measured)

    def _check_canaries(self) -> None:
        """Refuse answers at chance level, and a label order that gets fewer pairs right than another one."""
        canaries = canaries_for(self.classes)
        premises = [canary.premise for canary in canaries]
        hypotheses = [canary.hypothesis for canary in canaries]
        answers = self.probabilities(premises, hypotheses).argmax(-1).tolist()

        def right(order: Sequence[str]) -> int:
            count = 0
            for answer, canary in zip(answers, canaries, strict=True):
                if order[answer] == canary.label:
                    count += 1
            return count

        # There are two or three classes, so at most six orders.
        best = max(permutations(self.classes), key=right)
        own_right, best_right = right(self.classes), right(best)
        fewest = fewest_right(len(canaries), len(self.classes))
        if best_right < fewest:
            raise ValueError(
                f"{self.name}: it gets {own_right} of {len(canaries)} pairs right about which nobody "
                f"disagrees, in whatever order of its labels at most {best_right}, and guesses would get "
                f"{fewest} or more only once in a hundred times: it answers at chance, as a head does that "
                "was never trained. Pass a model that was trained on NLI, or, to score this one as it is, "
                "model=nli model.check_labels=false."
            )
        own_order = ", ".join(self.classes)
        best_order = ", ".join(best)
        if best_right > own_right:
            setting = ",".join(best)  # without blanks, as a command line takes it
            raise ValueError(
                f"{self.name}: with the label order [{own_order}] it gets {own_right} of {len(canaries)} "
                f"pairs right about which nobody disagrees, with [{best_order}] {best_right}. "
                f"If its id2label is wrong, pass model.label_order=[{setting}]; "
                "if it is not, model.check_labels=false."
            )
        message = "%s: %d of %d canary pairs right with the label order %s"
        log.info(message, self.name, own_right, len(canaries), own_order)


def fit_classifier(name: str, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Have a classifier find the token that it answers from, whatever a batch is filled up with.

    Classifiers made of causal models answer from the last token that is not ``config.pad_token_id``. Where
    the tokenizer pads with another token, that is padding, so that an answer depends on the other pairs of a
    batch. The setting of other classifiers is left alone: some use it for more than to look for padding.

    Args:
        name: of the model, for messages.
        tokenizer: as it was loaded, with a pad token.
        model: its configuration is changed if it answers from the last token.

    Raises:
        ValueError: it answers from the end token, as T5 and BART do, and the tokenizer writes none.
    """
    forward = inspect.unwrap(type(model).forward)
    settings_read = forward.__code__.co_names
    if "pad_token_id" in settings_read:
        for config in (model.config, model.config.get_text_config()):
            config.pad_token_id = tokenizer.pad_token_id
    end = getattr(model.config, "eos_token_id", None)
    if "eos_token_id" in settings_read and end not in tokenizer("a", "b")["input_ids"]:
        raise ValueError(
            f"{name}: a {type(model).__name__} answers from the end token (eos_token_id={end} in its "
            "config.json), and its tokenizer writes none. Save the model with the tokenizer that it was "
            "trained with, which ends every text with that token."
        )


def classes_of(name: str, id2label: dict[int, str], label_order: Sequence[str] | None) -> tuple[str, ...]:
    """The label that each class stands for, in the model's order.

    Raises:
        ValueError: names that say nothing (LABEL_0), or an order that is no order of the model's classes.
    """
    if label_order is not None:
        repeated = len(set(label_order)) < len(label_order)
        one_each = len(label_order) == len(id2label) and not repeated
        if not one_each or not set(label_order) <= set(NLI_LABELS):
            raise ValueError(
                f"model.label_order={list(label_order)}: expected {len(id2label)} of "
                f"{', '.join(NLI_LABELS)}, one for each class of the model, in its order."
            )
        return tuple(label_order)

    class_names = [str(id2label[index]) for index in sorted(id2label)]
    labels = [_label_meant(class_name) for class_name in class_names]
    repeated = len(set(labels)) < len(labels)
    if None in labels or repeated or not {ENTAILMENT, CONTRADICTION} <= set(labels):
        raise ValueError(
            f"{name}: its {len(labels)} classes are called {', '.join(class_names)}, which does not say what "
            "they mean. Look at the model's card and pass their order, for example "
            "model.label_order=[contradiction,neutral,entailment]."
        )
    return tuple(labels)


def _label_meant(class_name: str) -> str | None:
    """The label that a class of this name stands for; None if the name says nothing."""
    for part, label in NAME_PARTS:
        if part in class_name.lower():
            return label
    return None
