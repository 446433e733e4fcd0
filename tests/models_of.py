"""Models of random weights in folders, for the tests of evaluations."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertForSequenceClassification

from relsym.encoders.load import tiny_encoder

NLI = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}


def tiny_classifier(folder: Path, id2label: dict[int, str] = NLI, always: int | None = None) -> str:
    """A sequence classifier, whose head answers one class always if told which."""
    encoder = tiny_encoder(max_length=256)
    config = encoder.model.config
    config.id2label, config.label2id = id2label, {label: index for index, label in id2label.items()}
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    if always is not None:
        torch.nn.init.zeros_(model.classifier.weight)
        with torch.no_grad():
            model.classifier.bias.copy_(torch.eye(len(id2label))[always] * 5)
    model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return str(folder)
