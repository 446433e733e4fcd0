"""Every option is tested by being a file: it composes, and its keys fit what they call."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf

import relsym.conf

CONF = Path(relsym.conf.__file__).parent
FILES = [path.relative_to(CONF).with_suffix("") for path in CONF.rglob("*/*.yaml")]
# What others are made of, and what Hydra itself reads, are no options of a group of ours.
OPTIONS = sorted(path.as_posix() for path in FILES if "base" not in path.parts and path.parts[0] != "hydra")
SUPPLIED = {"objective": {"encoder", "metric", "labels"}, "tracking": {"folder"}}


def resolved(*overrides: str, task: str = "train") -> DictConfig:
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose(task, list(overrides))
    OmegaConf.resolve(config)
    return config


def calls(node: object, path: str = "") -> list[tuple[str, DictConfig]]:
    """Every node with a ``_target_``, with its path."""
    if not isinstance(node, DictConfig):
        return []
    found = [(path, node)] if "_target_" in node else []
    return found + [call for key in node for call in calls(node[key], f"{path}.{key}".lstrip("."))]


def bind(path: str, node: DictConfig) -> None:
    """Fail unless the node's keys, with what the app supplies, are a complete call of its target."""
    target = get_method(node._target_) if "." in node._target_ else None
    given = {str(key) for key in node if not str(key).startswith("_")} | SUPPLIED.get(path, set())
    # Objectives pass what they do not name on to their base: the parameters of both count.
    owners = (
        [owner for owner in inspect.getmro(target) if "__init__" in vars(owner)]
        if inspect.isclass(target)
        else [target]
    )
    parameters = {}
    for owner in owners:
        signature = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner)
        parameters |= {
            p.name: p
            for p in signature.parameters.values()
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        }
        if not any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
            break
    parameters.pop("self", None)
    required = {name for name, p in parameters.items() if p.default is p.empty}
    assert given <= parameters.keys(), f"{path}: {given - parameters.keys()} not taken by {node._target_}"
    assert required <= given, f"{path}: {required - given} missing for {node._target_}"


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_and_its_keys_fit_what_they_call(option):
    group, name = option.split("/", 1)
    given = {
        "model/callable": ["model.function=package.module:name"],
        "model/auto": ["model.name=x"],
        "model/encoder": ["model.name=x"],
    }.get(option, [])
    for task in {"benchmark": ["build"], "model": ["train", "evaluate"], "data": ["train", "evaluate"]}.get(
        group, ["train"]
    ):
        for path, node in calls(resolved(f"{group}={name}", *given, task=task)):
            bind(path, node)


def test_a_misspelt_key_is_noticed():
    node = OmegaConf.create({"_target_": "relsym.probes.knn.Knn", "kk": 5})
    with pytest.raises(AssertionError, match="kk"):
        bind("probe", node)


def test_no_key_of_a_hardware_option_is_left_out():
    keys = [set(OmegaConf.load(path)) for path in (CONF / "hardware").glob("*.yaml")]
    assert all(group == keys[0] for group in keys)


def test_an_experiments_first_line_after_its_package_is_its_question():
    for path in (CONF / "experiment").glob("*.yaml"):
        first, second = path.read_text().splitlines()[:2]
        assert first == "# @package _global_"
        assert second.startswith("#")
        assert "?" in second


def test_objectives_choose_their_metric_and_probe_and_an_experiment_may_change_them():
    expected = {
        "random_label": ("Hadamard", "NearestLabel"),
        "knn": ("Hadamard", "Knn"),
        "knn_learnt": ("Pair", "Knn"),
        "finetune": ("NoMetric", "Head"),
        "fixed_label": ("Hadamard", "CutPoints"),
    }
    for objective, (metric, probe) in expected.items():
        config = resolved(f"objective={objective}")
        assert (config.metric._target_.split(".")[-1], config.probe._target_.split(".")[-1]) == (
            metric,
            probe,
        )
    assert resolved("experiment=metric_direction").metric._target_.endswith("Rotate")
    assert resolved("objective=random_label", "metric=cosine").metric._target_.endswith("Cosine")


def test_the_words_that_other_work_builds_on_all_compose(tmp_path):
    config = resolved(
        "model=bundled",
        "objective=knn",
        "metric=hadamard",
        "data=wikidata5m",
        f"data.folder={tmp_path}",
        "data.samples=64",
        "data.sampling=stratified",
        "data.form=mixed",
        "data.split=grouped",
        "data.test_pairs=2000",
        "probe.k=5",
        "precision=fp32",
        "seed=3",
        "hardware=cpu",
        "tracking=csv",
    )
    assert config.data.sample_seed == 3
    assert config.data.split_seed == 0


def test_the_extended_benchmark_brings_its_properties_unless_told_otherwise():
    assert resolved("benchmark=extended", task="build").data.module.benchmark.property_table == "extended"
    assert (
        resolved("benchmark=extended", "data.property_table=mine.yaml", task="build").data.property_table
        == "mine.yaml"
    )
    assert (
        resolved(
            "benchmark=contrast",
            "data=table",
            "data.triples=FILE",
            "data.properties=TABLE.yaml",
            task="build",
        ).data.properties
        == "TABLE.yaml"
    )


def test_every_finding_can_be_decided_on_in_every_source():
    from relsym.data.audit import FINDINGS

    for path in (CONF / "data").glob("*.yaml"):
        config = resolved(f"data={path.stem}").data
        assert "reader" not in config or set(config.findings) == set(FINDINGS), path


def test_conda_users_get_the_package_without_a_second_faiss():
    environment = (
        OmegaConf.to_container(OmegaConf.load(CONF.parent / "environment.yml"))
        if (CONF.parent / "environment.yml").exists()
        else None
    )
    if environment is None:
        pytest.skip("installed from a wheel: environment.yml stands in the repository alone")
    assert set(environment) == {"name", "channels", "dependencies"}
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert any(str(entry).startswith("faiss-gpu") for entry in environment["dependencies"])
    assert pip == ["-e .[bundled]"]
