"""The paper's figures, in per cent and in numbers of samples.

Source: Yuan & Vlachos 2025, arXiv:2504.16312, Tables 2 and 4, as its public summary gives them.
"""

from __future__ import annotations

from typing import NamedTuple

from relsym.data.pairs import DELEXICALISED, LEXICALISED
from relsym.report.labels import OBJECTIVES

SOURCE = "Yuan & Vlachos 2025, arXiv:2504.16312"
PRETRAINED = "pretrained"


class Published(NamedTuple):
    """One row of Table 2. forgetting: drop in points on MNLI after retraining."""

    name: str
    objective: str
    model: str
    lexicalised: float
    delexicalised: float
    samples: int | None = None
    forgetting: float | None = None


# Table 2. objective "": no training; model "": none.
TABLE2 = (Published("Random baseline", "", "", 50.0, 50.0),
          Published("RoBERTa-large", PRETRAINED, "roberta_large", 48.3, 49.7),
          Published("RoBERTa-large-MNLI", PRETRAINED, "roberta_large_mnli", 51.2, 56.7),
          Published(OBJECTIVES["random_label"], "random_label", "roberta_large", 100.0, 100.0, 48, 5.8),
          Published(OBJECTIVES["knn"], "knn", "roberta_large", 100.0, 100.0, 64, 7.7),
          Published(OBJECTIVES["knn_learnt"], "knn_learnt", "roberta_large", 100.0, 100.0, 400, 21.5),
          Published(OBJECTIVES["finetune"], "finetune", "roberta_large", 100.0, 100.0, 336, 11.2))

# Table 4: form -> method -> one figure for each of MODELS.
MODELS = {"minilm_l6": "MiniLM-L6", "minilm_l12": "MiniLM-L12", "all_minilm_l6": "all-MiniLM-L6", "all_minilm_l12": "all-MiniLM-L12"}
METHODS = {PRETRAINED: "pretrained", **OBJECTIVES}
ALL_RIGHT = (100.0, 100.0, 100.0, 100.0)
TABLE4 = {LEXICALISED: {PRETRAINED: (46.7, 49.2, 51.2, 48.3), "random_label": ALL_RIGHT, "knn": (99.1, 99.1, 100.0, 100.0),
                        "knn_learnt": (97.6, 100.0, 100.0, 100.0), "finetune": (99.8, 100.0, 100.0, 100.0)},
          DELEXICALISED: {PRETRAINED: (49.2, 48.3, 52.3, 52.3), "random_label": ALL_RIGHT, "knn": ALL_RIGHT,
                          "knn_learnt": ALL_RIGHT, "finetune": (100.0, 100.0, 99.8, 100.0)}}
