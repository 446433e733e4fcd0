"""The paper's figures, in per cent and in numbers of samples.

Source: Yuan & Vlachos 2025, arXiv:2504.16312, Tables 2 and 4, as its public summary gives them.
"""

from __future__ import annotations

from typing import NamedTuple

from relsym.data.pairs import DELEXICALISED, LEXICALISED

SOURCE = "Yuan & Vlachos 2025, arXiv:2504.16312"
PRETRAINED = "pretrained"
# Objective -> the paper's name for the method.
RETRAINED = {
    "random_label": "random label embeddings",
    "knn": "k-NN",
    "knn_learnt": "k-NN with learnt metric",
    "finetune": "fine-tuning",
}
ROBERTA, ROBERTA_MNLI = "FacebookAI/roberta-large", "FacebookAI/roberta-large-mnli"


class Published(NamedTuple):
    """One row of Table 2.

    name: of the row in the paper.
    objective: our option for its method; "" for no training.
    model: hub id of its encoder; "" for none.
    lexicalised, delexicalised: accuracy in per cent.
    samples: training samples with which it gets there; None where nothing is trained.
    forgetting: drop in points on MNLI after retraining; None where nothing is trained.
    """

    name: str
    objective: str
    model: str
    lexicalised: float
    delexicalised: float
    samples: int | None = None
    forgetting: float | None = None


_UNTRAINED_ROWS = (
    Published("Random baseline", "", "", 50.0, 50.0),
    Published("RoBERTa-large", PRETRAINED, ROBERTA, 48.3, 49.7),
    Published("RoBERTa-large-MNLI", PRETRAINED, ROBERTA_MNLI, 51.2, 56.7),
)
_RETRAINED_ROWS = (
    Published(RETRAINED["random_label"], "random_label", ROBERTA, 100.0, 100.0, 48, 5.8),
    Published(RETRAINED["knn"], "knn", ROBERTA, 100.0, 100.0, 64, 7.7),
    Published(RETRAINED["knn_learnt"], "knn_learnt", ROBERTA, 100.0, 100.0, 400, 21.5),
    Published(RETRAINED["finetune"], "finetune", ROBERTA, 100.0, 100.0, 336, 11.2),
)
# Table 2, in the paper's order.
TABLE2 = (*_UNTRAINED_ROWS, *_RETRAINED_ROWS)

# Table 4: form -> method -> one figure for each of the encoders (hub id -> the paper's name for it).
ENCODERS = {
    "nreimers/MiniLM-L6-H384-uncased": "MiniLM-L6",
    "microsoft/MiniLM-L12-H384-uncased": "MiniLM-L12",
    "sentence-transformers/all-MiniLM-L6-v2": "all-MiniLM-L6",
    "sentence-transformers/all-MiniLM-L12-v2": "all-MiniLM-L12",
}
METHODS = {PRETRAINED: "pretrained", **RETRAINED}
ALL_RIGHT = (100.0, 100.0, 100.0, 100.0)
TABLE4 = {
    LEXICALISED: {
        PRETRAINED: (46.7, 49.2, 51.2, 48.3),
        "random_label": ALL_RIGHT,
        "knn": (99.1, 99.1, 100.0, 100.0),
        "knn_learnt": (97.6, 100.0, 100.0, 100.0),
        "finetune": (99.8, 100.0, 100.0, 100.0),
    },
    DELEXICALISED: {
        PRETRAINED: (49.2, 48.3, 52.3, 52.3),
        "random_label": ALL_RIGHT,
        "knn": ALL_RIGHT,
        "knn_learnt": ALL_RIGHT,
        "finetune": (100.0, 100.0, 99.8, 100.0),
    },
}
