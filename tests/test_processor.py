"""Which precision a machine computes fastest in, and what is said where the other one was chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from relsym import processor
from relsym.processor import fastest_precision, has_bf16
from test_configs import resolved

ROOT = Path(__file__).parents[1]
WITHOUT = (
    "processor\t: 0\nmodel name\t: a Xeon with avx512_bf16 in its name\nflags\t\t: fpu avx512f avx512_vnni\n"
)
WITH = (
    "flags\t\t: fpu avx512f avx512_bf16\n",
    "flags : fpu amx_bf16 amx_tile\n",
    "Features\t: fp asimd bf16 i8mm\n",
)


@pytest.mark.parametrize(
    ("text", "expected"), [(WITHOUT, False), *((text, True) for text in WITH), ("", False)]
)
def test_a_processor_has_bf16_if_its_features_say_so(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert has_bf16(tmp_path / "cpuinfo") is expected


def test_where_the_system_does_not_say_there_is_no_bf16(tmp_path):
    assert not has_bf16(tmp_path / "none")


@pytest.mark.parametrize(
    ("accelerator", "instructions", "expected"),
    [("cpu", False, "fp32"), ("cpu", True, "bf16"), ("gpu", False, "bf16"), ("auto", False, "fp32")],
)
def test_the_fastest_precision_is_bf16_where_it_is_computed_in(
    monkeypatch, accelerator, instructions, expected
):
    monkeypatch.setattr(processor, "has_bf16", lambda: instructions)
    assert fastest_precision(accelerator) == expected


@pytest.mark.parametrize(("on_gpu", "expected"), [(True, "bf16"), (False, "fp32")])
@pytest.mark.parametrize("accelerator", ["gpu", "auto"])
def test_a_gpu_of_this_machine_is_asked(monkeypatch, accelerator, on_gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: on_gpu)
    monkeypatch.setattr(processor, "has_bf16", lambda: not on_gpu)
    assert fastest_precision(accelerator) == expected


def test_the_precision_of_the_machine_can_be_asked_for_in_the_words_of_the_readme(monkeypatch):
    monkeypatch.setattr(processor, "has_bf16", lambda: False)
    words = re.findall(r"`'(precision=[^`]*)'`", (ROOT / "README.md").read_text())
    assert words
    assert {resolved(word, task=task).precision for word in words for task in ("train", "evaluate")} == {
        "fp32"
    }


@pytest.mark.parametrize(("instructions", "expected"), [(False, "fp32"), (True, "bf16")])
def test_the_direction_recipe_takes_the_precision_of_the_machine_unless_told(
    monkeypatch, instructions, expected
):
    monkeypatch.setattr(processor, "has_bf16", lambda: instructions)
    assert resolved("experiment=direction").precision == expected
    assert resolved("experiment=direction", "precision=bf16").precision == "bf16"


@pytest.mark.parametrize("instructions", [False, True])
@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_bf16_is_warned_of_where_a_processor_lacks_it(relsym, quick, monkeypatch, task, instructions):
    monkeypatch.setattr(processor, "has_bf16", lambda: instructions)
    words = [word for word in quick if task == "train" or not word.startswith("training.")]
    ended = relsym(task, *words, "precision=bf16")
    assert ended.code == 0, ended.err
    warned = "no instructions for it (amx_bf16, avx512_bf16, bf16)" in ended.out.replace("\n", " ")
    assert warned is not instructions
