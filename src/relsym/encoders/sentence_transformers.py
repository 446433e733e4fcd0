"""The few JSON files that make a Hugging Face folder a sentence-transformers model."""

from __future__ import annotations

import json
from pathlib import Path


def write_module_files(folder: Path, dim: int, pooling: str, max_length: int) -> None:
    """Describe the two modules, transformer and pooling, in the folder that holds the weights.

    Args:
        folder: exists already.
        dim: length of the vectors.
        pooling: "mean" or "cls".
        max_length: tokens after which a text is cut.
    """
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooled = {
        "word_embedding_dimension": dim,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
    }
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write_json(folder / "modules.json", modules)
    _write_json(folder / "1_Pooling" / "config.json", pooled)
    # Whether letters are made small is the tokenizer's own business.
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
