"""Models of random weights in folders, for the tests of evaluations."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertForSequenceClassification, PreTrainedTokenizerBase

from relsym.encoders.load import tiny_encoder
from relsym.models.canaries import CANARIES

NLI = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}


def tiny_classifier(
    folder: Path, id2label: dict[int, str] = NLI, always: int | None = None, fitted: bool = False
) -> str:
    """A sequence classifier, whose head answers one class always if told which, or is fitted to the canary
    pairs, so that it is above chance on them.
    """
    encoder = tiny_encoder(max_length=256)
    config = encoder.model.config
    config.id2label, config.label2id = id2label, {label: index for index, label in id2label.items()}
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    if always is not None:
        torch.nn.init.zeros_(model.classifier.weight)
        with torch.no_grad():
            model.classifier.bias.copy_(torch.eye(len(id2label))[always] * 5)
    if fitted:
        fit_head(model, encoder.tokenizer)
    model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return str(folder)


@torch.no_grad()
def fit_head(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerBase) -> None:
    """Least squares from the pooled vectors of the canary pairs to their labels."""
    premises = [canary.premise for canary in CANARIES]
    hypotheses = [canary.hypothesis for canary in CANARIES]
    inputs = tokenizer(premises, hypotheses, padding=True, return_tensors="pt")
    pooled = model.eval().bert(**inputs).pooler_output.double()
    names = [name.lower() for name in model.config.id2label.values()]
    targets = torch.eye(len(names))[[names.index(canary.label) for canary in CANARIES]].double()
    features = torch.cat([pooled, torch.ones(len(CANARIES), 1)], dim=1)
    solution = torch.linalg.lstsq(features, targets).solution
    model.classifier.weight.copy_(solution[:-1].T)
    model.classifier.bias.copy_(solution[-1])
