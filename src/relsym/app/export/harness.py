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
    """The columns of an export: what a model is asked, its label, and what answers are grouped by."""
    table: dict[str, list[str]] = {}
    for column in EXPORTED_COLUMNS:
        table[column] = [getattr(row, column) for row in rows]
    return table


def task_name(prompt: str, form: str) -> str:
    """The name of a task: ``relsym_yes_no_lexicalised``; ``relsym_yes_no`` where rows have no form."""
    return "_".join(part for part in ("relsym", prompt, form) if part)


def task_yaml(
    prompt: Prompt, form: str, labels: Sequence[str], shots: int, metadata: Mapping[str, Any]
) -> str:
    """The YAML of one task: one wording of one form, as multiple choice by log-likelihood.

    A chat's text is a user's message: the harness puts it into the chat template if told to
    (``--apply_chat_template --fewshot_as_multiturn``).

    Args:
        labels: of the benchmark; those that the wording has a word for are the choices, in this order.
        shots: how many labelled examples, the first ones, stand before every question. 0 leaves the number
            to the harness (``--num_fewshot``), which would not change a stated one.
        metadata: where the rows come from, for the harness's own record.
    """
    words = prompt.words(labels)
    label_names = json.dumps(list(words))
    # The keys stand in the file in this order.
    task: dict[str, Any] = {
        "task": task_name(prompt.name, form),
        "dataset_kwargs": {"form": form},
        "test_split": "test",
        "fewshot_split": "examples",
        "fewshot_config": {"sampler": "first_n"},
    }
    if shots:
        task["num_fewshot"] = shots
    task["output_type"] = "multiple_choice"
    task["doc_to_text"] = jinja(prompt.text)
    task["doc_to_choice"] = list(words.values())
    task["doc_to_target"] = f"{{{{ {label_names}.index(label) }}}}"
    task["target_delimiter"] = DELIMITER
    task["fewshot_delimiter"] = SEPARATOR
    task["metric_list"] = [_mean_of("acc"), _mean_of("acc_norm")]
    task["metadata"] = dict(metadata)
    # ``!function`` is a tag that the harness resolves; yaml.safe_dump cannot write one.
    loader_module = LOADER_FILE.removesuffix(".py")
    return f"custom_dataset: !function {loader_module}.load\n{_dumped(task)}"


def _mean_of(metric: str) -> dict[str, Any]:
    """A metric of the harness, averaged over rows."""
    return {"metric": metric, "aggregation": "mean", "higher_is_better": True}


def group_yaml(name: str, tasks: Sequence[str], metadata: Mapping[str, Any]) -> str:
    """The YAML of a group: several wordings asked in one go, with the mean of their accuracies."""
    mean = {"metric": "acc", "aggregation": "mean", "weight_by_size": True}
    group = {"group": name, "task": list(tasks), "aggregate_metric_list": [mean], "metadata": dict(metadata)}
    return _dumped(group)


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
        if "{" in literal:
            # A brace that the wording escaped would open a field of Jinja's: write the text as a constant.
            constant = json.dumps(literal, ensure_ascii=False)
            template += f"{{{{ {constant} }}}}"
        else:
            template += literal
        if field:
            template += f"{{{{ {field} }}}}"
    return template


def _dumped(content: dict[str, Any]) -> str:
    """YAML with the keys in their order, and no line broken."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
