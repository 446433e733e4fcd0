"""A benchmark as tasks of lm-evaluation-harness: what they are called, and what their YAML says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

import yaml

from relsym.data.pairs import Row
from relsym.models.prompts import DELIMITER, SEPARATOR, Prompt

EXPORTED_COLUMNS = ("pair_id", "form", "premise", "hypothesis", "label", "property", "kind", "variant")
ROWS_FILE, EXAMPLES_FILE = "rows.parquet", "examples.parquet"
LOADER_FILE = "rows.py"
# The harness looks for relative paths where it was started, not beside its YAML.
LOADER_CODE = f'''"""Rows and labelled examples, from the Parquet files beside this one."""

from pathlib import Path

import datasets
import pyarrow.parquet as pq


def load(form, **metadata):
    folder = Path(__file__).parent
    rows = pq.read_table(folder / "{ROWS_FILE}", filters=[("form", "=", form)])
    return {{"test": datasets.Dataset.from_dict(rows.to_pydict()),
            "examples": datasets.Dataset.from_dict(pq.read_table(folder / "{EXAMPLES_FILE}").to_pydict())}}
'''


def table_of(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Columns of what a model is asked, and what its answers are told apart by."""
    return {column: [getattr(row, column) for row in rows] for column in EXPORTED_COLUMNS}


def task_name(prompt: str, form: str) -> str:
    """``relsym_yes_no_lexicalised``; ``relsym_yes_no`` where rows have no form."""
    return "_".join(part for part in ("relsym", prompt, form) if part)


def task_yaml(
    prompt: Prompt, form: str, labels: Sequence[str], shots: int, metadata: Mapping[str, Any]
) -> str:
    """One wording of one form: multiple choice by log-likelihood, with the first of the examples before every
    question.

    Without labelled examples their number is left to the harness (``--num_fewshot``), which would not change
    a stated one.

    A chat's text is a user's message: the harness puts it into the chat template if told to
    (``--apply_chat_template --fewshot_as_multiturn``).
    """
    words = prompt.words(labels)
    task = {
        "task": task_name(prompt.name, form),
        "dataset_kwargs": {"form": form},
        "test_split": "test",
        "fewshot_split": "examples",
        "fewshot_config": {"sampler": "first_n"},
        **({"num_fewshot": shots} if shots else {}),
        "output_type": "multiple_choice",
        "doc_to_text": jinja(prompt.text),
        "doc_to_choice": list(words.values()),
        "doc_to_target": f"{{{{ {json.dumps(list(words))}.index(label) }}}}",
        "target_delimiter": DELIMITER,
        "fewshot_delimiter": SEPARATOR,
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")
        ],
        "metadata": dict(metadata),
    }
    return f"custom_dataset: !function {LOADER_FILE.removesuffix('.py')}.load\n" + _dumped(task)


def group_yaml(name: str, tasks: Sequence[str], metadata: Mapping[str, Any]) -> str:
    """Several wordings asked in one go, with the mean of their accuracies."""
    mean = {"metric": "acc", "aggregation": "mean", "weight_by_size": True}
    return _dumped(
        {"group": name, "task": list(tasks), "aggregate_metric_list": [mean], "metadata": dict(metadata)}
    )


def jinja(text: str) -> str:
    """A wording with {premise} and {hypothesis} as a Jinja template.

    Raises:
        ValueError: a field that is formatted on the way ({premise!r}).
    """
    template = ""
    for literal, field, form, conversion in Formatter().parse(text):
        if form or conversion:
            raise ValueError(
                f"prompts: {text!r} formats {field}, which a task of lm-evaluation-harness cannot. Write "
                f"{{{field}}}."
            )
        template += f"{{{{ {json.dumps(literal, ensure_ascii=False)} }}}}" if "{" in literal else literal
        template += f"{{{{ {field} }}}}" if field else ""
    return template


def _dumped(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
