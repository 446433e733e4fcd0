"""A stored configuration is data: whatever it names, nothing of it is called, and the message says what is
wrong.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from safetensors.numpy import save_file

from earlier_runs_of import CONFIGURATION, LABELS, NLI_LABELS, changed, nli_data_of, write_earlier_run
from relsym.app.earlier_nli import nli_data, nli_rows
from relsym.app.earlier_run import load_run, open_run, run_in_init
from relsym.app.read_as import read_as
from relsym.app.stored_components import ROLES, check_trust, find
from relsym.data.module import PairData
from relsym.encoders.load import tiny_encoder
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.rotate import Rotate
from relsym.runs.identity import computed
from relsym.runs.stored_config import LARGEST, printable, read_config, shown_text
from test_app import refused
from test_configs import OPTIONS, resolved

ROLE_PLACES = [
    "model",
    "metric",
    "probe",
    "objective",
    "data.module",
    "data.module.benchmark",
    "data.module.benchmark.reader",
    "data.reader",
]
# Functions that would write, load, start or call something, and classes that are of another role.
NOT_OURS = [
    "joblib.load",
    "torch.load",
    "numpy.load",
    "pathlib.Path",
    "pathlib.Path.write_text",
    "pathlib.Path.touch",
    "os.system",
    "subprocess.run",
    "subprocess.Popen",
    "builtins.eval",
    "pickle.load",
    "hydra.utils.instantiate",
    "hydra.utils.get_method",
    "transformers.AutoModel.from_pretrained",
]
OURS = [
    "relsym.runs.origin.git_commit",
    "relsym.app.cli.run_task",
    "relsym.app.sweep.job.run_frozen",
    "relsym.runs.files.remove",
    "relsym.encoders.load.local_or_hub",
    "relsym.metrics.base.cosine",
    "relsym.data.sources.fetch.fetch_files",
    "relsym.app.earlier_run.load_run",
    "relsym.data.sources.table.Path",
    "relsym.data.sources.table.Path.touch",
    "relsym.data.sources.hub_set.HubSet",
    "relsym.app.evaluate.model.load_any",
]


class Marks:
    """Unpickling one writes the marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path) -> Path:
    """A file that must not be there in the end."""
    return tmp_path / "something ran"


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    def started(*words, **options):
        raise AssertionError(f"a process was started: {words}")

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr("os.system", started)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A folder whose ``config.yaml`` tests write anew."""
    return write_earlier_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def stored(run):
    """Open the run with another content of its ``config.yaml``."""

    def opened(config, trust=()):
        text = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
        (run / "config.yaml").write_text(text)
        return open_run(str(run), trust)

    yield opened
    (run / "config.yaml").write_text(yaml.safe_dump(CONFIGURATION, sort_keys=False))


def attack(place: str, target: str, marker: Path):
    """The configuration with a call at a place, whose argument would leave the marker."""
    return changed(
        CONFIGURATION,
        place,
        {"_target_": target, "pooling": "mean", "max_length": 64, "_args_": [f"touch '{marker}'"]},
    )


# --- what a run is opened for, where nothing is wrong


def test_a_run_is_opened_and_gives_what_it_was_read_by(stored):
    earlier = stored(CONFIGURATION)
    assert earlier.labels == tuple(LABELS)
    assert (earlier.metric_class, type(earlier.metric()), earlier.probe().k) == (Hadamard, Hadamard, 3)
    assert earlier.reads == "sentences"
    assert earlier.encoder(None, False).pooling.name == "mean"
    assert set(earlier.tensors()) == {"memory", "memory_targets"}
    assert earlier.identity().cell_hash == "a" * 64
    assert nli_rows(earlier) is None


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("objective/")])
def test_how_a_pair_is_read_follows_from_the_metric(stored, option):
    """So that the objective need not be imported to answer: tests/test_symmetry_model.py."""
    cfg = resolved(option.replace("/", "=").removesuffix(".yaml"))
    config = changed(CONFIGURATION, "objective", {"_target_": cfg.objective["_target_"]})
    earlier = stored(changed(config, "metric", {"_target_": cfg.metric["_target_"]}))
    assert earlier.reads == find(earlier.config.objective, (), Path("config.yaml")).reads


def test_how_a_pair_is_read_is_asked_of_an_objective_of_the_user(stored, package):
    objective = {"_target_": f"{package}.Joint"}
    assert stored(changed(CONFIGURATION, "objective", objective), [package]).reads == "joint"


def test_a_run_is_scored_as_it_was_read(run):
    scorer = load_run(str(run), "fp32", "cpu")
    assert (scorer.labels, scorer.reads, scorer.name) == (tuple(LABELS), "sentences", str(run))
    assert scorer.source == {"name": str(run), "objective": "KnnRetraining"}
    with pytest.raises(ValueError, match=r"model.folder is not set"):
        load_run(None, "fp32", "cpu")


def test_the_nli_rows_of_a_run_are_read_whole(tmp_path, mnli_folder):
    config = {**CONFIGURATION, "labels": NLI_LABELS, "data": nli_data_of(mnli_folder)}
    folder = write_earlier_run(tmp_path / "nli", config, NLI_LABELS)
    cfg = OmegaConf.create({"init": str(folder), "trust": [], "forgetting": None})
    data = nli_data(cfg)
    assert isinstance(data, PairData)
    assert (data.samples, data.test_pairs, data.score_on) == (None, None, "test")
    assert len(data.score_rows["mnli"]) == 30
    assert nli_data(OmegaConf.create({"init": None, "trust": []})) is None
    (mnli_folder / "train.jsonl").unlink()
    with pytest.raises(
        ValueError, match=r"init=.*the NLI rows of that run cannot be read.*forgetting.folder=PATH"
    ):
        nli_data(cfg)


def test_what_does_not_go_together_with_the_run_is_refused(stored):
    earlier = stored(CONFIGURATION)
    earlier.check_labels(["entailment"])
    earlier.check_metric(Hadamard)
    earlier.check_sides("grouped, seed 0")
    earlier.check_sides(None)
    with pytest.raises(ValueError, match=r"knows the labels entailment, contradiction; the data has neutral"):
        earlier.check_labels(["neutral"])
    with pytest.raises(ValueError, match=r"metric was Hadamard.*do not fit Rotate"):
        earlier.check_metric(Rotate)
    with pytest.raises(ValueError, match=r"was split by 'grouped, seed 0', this one by 'grouped, seed 1'"):
        earlier.check_sides("grouped, seed 1")


def test_only_a_finished_training_is_gone_on_from(tmp_path):
    assert run_in_init(OmegaConf.create({"init": None})) is None
    with pytest.raises(
        ValueError, match=r"init=.*no finished run there \(results.json, config.yaml, encoder missing\)"
    ):
        open_run(str(tmp_path), ())
    folder = write_earlier_run(tmp_path / "run", cell_hash=None)
    with pytest.raises(ValueError, match=r"has no cell_hash.*Run that training again"):
        open_run(str(folder), ()).identity()
    (folder / "results.json").write_text("{}")
    with pytest.raises(ValueError, match=r"results.json: not the results of relsym train"):
        open_run(str(folder), ())


def test_a_probe_without_its_tensors_is_refused(tmp_path):
    folder = write_earlier_run(
        tmp_path / "run", changed(CONFIGURATION, "probe", {"_target_": "relsym.probes.head.Head"})
    )
    with pytest.raises(ValueError, match=r"probe.safetensors: holds no 'head.weight', which Head reads"):
        load_run(str(folder), "fp32", "cpu")


@pytest.mark.parametrize(
    ("probe", "tensors", "message"),
    [
        ("knn.Knn", {"memory": (6, 16), "memory_targets": (6,)}, r"memory has the shape \[6, 16\]"),
        ("knn.Knn", {"memory": (6, 32), "memory_targets": (5,)}, r"memory_targets has the shape \[5\]"),
        ("knn.Knn", {"memory": (2, 32), "memory_targets": (2,)}, r"memory has only 2 rows"),
        (
            "nearest_label.NearestLabel",
            {"label_embeddings": (1, 32)},
            r"label_embeddings has the shape \[1, 32\], .* with 2 labels need \[2, 32\]",
        ),
        ("nearest_label.NearestLabel", {"label_embeddings": (3, 32)}, r"\[3, 32\]"),
        ("head.Head", {"head.weight": (3, 32), "head.bias": (3,)}, r"head\.weight has the shape \[3, 32\]"),
        ("head.Head", {"head.weight": (2, 32), "head.bias": (1,)}, r"head\.bias has the shape \[1\]"),
        (
            "cut_points.CutPoints",
            {"signs": (3,), "cut_points": (2,)},
            r"signs has the shape \[3\], .* with 2 labels need \[2\]",
        ),
        ("cut_points.CutPoints", {"signs": (2,), "cut_points": (1,)}, r"cut_points has the shape \[1\]"),
        ("cut_points.CutPoints", {"signs": (2,)}, r"holds no 'cut_points', which CutPoints reads"),
    ],
)
def test_a_probe_of_another_encoder_or_of_other_labels_is_refused(tmp_path, probe, tensors, message):
    settings = {"_target_": f"relsym.probes.{probe}"}
    if probe == "knn.Knn":
        settings["k"] = 3
    folder = write_earlier_run(tmp_path / "run", changed(CONFIGURATION, "probe", settings))
    arrays = {}
    for name, shape in tensors.items():
        arrays[name] = np.zeros(shape, np.int64 if name == "memory_targets" else np.float32)
    save_file(arrays, folder / "probe.safetensors")
    with pytest.raises(ValueError, match=message):
        load_run(str(folder), "fp32", "cpu")


def test_stored_rows_of_a_class_without_a_label_are_refused(tmp_path):
    folder = write_earlier_run(tmp_path / "run")
    assert load_run(str(folder), "fp32", "cpu").labels == ("entailment", "contradiction")
    memory = np.ones((3, 32), np.float32)
    save_file({"memory": memory, "memory_targets": np.array([0, 1, 2])}, folder / "probe.safetensors")
    with pytest.raises(ValueError, match=r"holds class 2, .* the labels entailment, contradiction"):
        load_run(str(folder), "fp32", "cpu")


# Nothing trains on rated pairs, so that no run has them.
OF_TRAININGS = [option for option in OPTIONS if option not in ("data/rated", "data/sis")]


@pytest.mark.parametrize(
    "option",
    [option for option in OF_TRAININGS if option.split("/")[0] in ("data", "objective", "metric", "probe")],
)
def test_every_option_of_a_training_is_decoded_from_what_is_written(tmp_path, option):
    group, name = option.split("/")
    config = (
        resolved(f"{group}={name}", "data.folder=somewhere")
        if name == "built"
        else resolved(f"{group}={name}", "model=tiny")
    )
    path = tmp_path / "config.yaml"
    # As a training writes it: what is left to the encoder is filled in.
    content = read_as(OmegaConf.to_container(config), tiny_encoder())
    path.write_text(OmegaConf.to_yaml(OmegaConf.create({**content, "labels": LABELS})))
    config = read_config(path)
    assert {component.place for component in config.components} <= set(ROLES)
    for component in config.components:
        assert find(component, (), path).__name__ == component.target.rpartition(".")[2]


@given(
    st.text()
    | st.sampled_from(
        ["on", "1e-4", "2024-01-01", "1:30", "0o7", "~", "null", "1_000", "=", "<<", "*a", "!!python"]
    )
)
def test_text_is_read_as_it_was_written(tmp_path_factory, text):
    config = changed(CONFIGURATION, "probe", {"_target_": "relsym.probes.knn.Knn", "k": text})
    path = tmp_path_factory.mktemp("text") / "config.yaml"
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(config)), encoding="utf-8", newline="")
    assert read_config(path).probe.values == {"k": text}


# --- what is not a component of the role


@pytest.mark.parametrize("target", NOT_OURS + OURS)
@pytest.mark.parametrize("place", ROLE_PLACES)
def test_no_role_calls_anything_but_its_components(stored, run, marker, place, target):
    with pytest.raises(
        ValueError, match=rf"config.yaml: {place}: the key '_args_' has no place there: .*calls nothing"
    ):
        stored(attack(place, target, marker))
    plain = {"_target_": target, "pooling": "mean", "max_length": 64}
    with pytest.raises(
        ValueError, match=rf"config.yaml: {place}._target_: '{target}' (is no|cannot be imported)"
    ):
        stored(changed(CONFIGURATION, place, plain))
    # A run that only answers builds little of it, and calls as little.
    with suppress(ValueError):
        load_run(str(run), "fp32", "cpu")
    assert not marker.exists()


@pytest.mark.parametrize(
    "target", ["joblib.load", "torch.load", "numpy.load", "relsym.runs.origin.git_commit"]
)
def test_the_source_of_nli_rows_is_no_other_call(tmp_path, marker, mnli_folder, target):
    data = changed(nli_data_of(mnli_folder), "module.source", {"_target_": target, "file": str(marker)})
    folder = write_earlier_run(
        tmp_path / "nli", {**CONFIGURATION, "labels": NLI_LABELS, "data": data}, NLI_LABELS
    )
    for use in (
        lambda: nli_data(OmegaConf.create({"init": str(folder), "trust": []})),
        lambda: load_run(str(folder), "fp32", "cpu"),
    ):
        with pytest.raises(ValueError, match=rf"data.module.source._target_: '{target}' is no NliSource"):
            use()
    assert not marker.exists()


@pytest.mark.parametrize("loader", ["joblib.load", "torch.load", "numpy.load"])
def test_a_pickle_that_a_configuration_names_is_not_loaded(stored, tmp_path, marker, loader):
    poisoned = tmp_path / "poisoned"
    poisoned.write_bytes(pickle.dumps(Marks(marker)))
    pickle.loads(poisoned.read_bytes())
    assert marker.exists()  # so the attack works where it is let through
    marker.unlink()
    argument = {"joblib.load": "filename", "torch.load": "f", "numpy.load": "file"}[loader]
    values = {argument: str(poisoned), **({"allow_pickle": True} if loader == "numpy.load" else {})}
    with pytest.raises(ValueError, match=rf"metric._target_: '{loader}' is no Metric of relsym.metrics"):
        stored(changed(CONFIGURATION, "metric", {"_target_": loader, **values}))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("metric", "relsym.probes.knn.Knn"),
        ("probe", "relsym.metrics.rotate.Rotate"),
        ("objective", "relsym.data.nli.NliData"),
        ("metric", "relsym.metrics.base.Metric"),
        ("probe", "relsym.probes.knn.Metric"),
        ("data.module", "relsym.data.benchmark.SymmetryBenchmark"),
        ("data.module", "relsym.data.module.PairData"),
        ("data.module.benchmark", "relsym.data.symmetry.SymmetryData"),
        ("data.module.benchmark.reader", "relsym.data.symmetry.SymmetryData"),
        ("data.module.benchmark.reader", "relsym.data.sources.nli.NliSource"),
        ("data.reader", "relsym.data.triples.TripleReader"),
        ("model", "relsym.metrics.rotate.Rotate"),
        ("metric", "relsym.encoders.load.load_encoder"),
        ("model", "relsym.models.causal_lm.CausalLm"),
        ("objective", "relsym.objectives.remedies.l2sp.L2SP"),
        ("metric", "relsym.metrics.nowhere.Metric"),
        ("metric", "relsym.metrics.rotate.Nothing"),
        ("metric", "relsym.metricsx.Rotate"),
    ],
)
def test_a_class_of_another_role_or_room_is_refused(stored, place, target):
    node = {"_target_": target, "pooling": "mean", "max_length": 64}
    with pytest.raises(ValueError, match=rf"{place}._target_: '{target}' (is no|cannot be imported)"):
        stored(changed(CONFIGURATION, place, node))


@pytest.mark.parametrize("key", ["_args_", "_recursive_", "_partial_", "_mode_", "__init__"])
@pytest.mark.parametrize(
    "place", ["metric", "probe", "objective", "model", "data.module", "data.module.benchmark.reader"]
)
def test_keys_that_tell_hydra_how_to_call_are_refused(stored, place, key):
    with pytest.raises(ValueError, match=rf"{place}: the key '{key}' has no place there"):
        stored(changed(CONFIGURATION, f"{place}.{key}", True))


def test_a_benchmark_may_be_partial_and_nothing_else_of_it(stored):
    with pytest.raises(ValueError, match="the key '_partial_' has no place"):
        stored(changed(CONFIGURATION, "data.module.benchmark._partial_", "yes"))


@pytest.mark.parametrize(
    "place",
    [
        "metric.deep",
        "probe.k",
        "objective.margin",
        "model.name",
        "data.module.samples",
        "data.module.benchmark.split",
        "data.module.reader",
    ],
)
@pytest.mark.parametrize(
    "wrapped", [lambda node: node, lambda node: [node], lambda node: {"a": [[{"b": node}]]}]
)
def test_a_component_hidden_in_an_argument_is_refused(stored, marker, place, wrapped):
    hidden = {"_target_": "pathlib.Path.touch", "self": str(marker)}
    with pytest.raises(ValueError, match=r"the key '_target_' has no place there: .*calls nothing"):
        stored(changed(CONFIGURATION, place, wrapped(hidden)))
    assert not marker.exists()


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        ["relsym.metrics.rotate.Rotate"],
        {"_target_": "os.system"},
        "Rotate",
        "os.system('x')",
        "relsym..metrics",
        "a." * 500 + "b",
        "rel\nsym.metrics",
    ],
)
def test_a_target_is_a_dotted_name(stored, value):
    with pytest.raises(
        ValueError, match=r"metric._target_: expected the dotted name of a class, got "
    ) as refusal:
        stored(changed(CONFIGURATION, "metric._target_", value))
    assert len(str(refusal.value)) < 400
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({"k": "5"}, r"probe.k: Expected `int`, got `str`"),
        ({"k": True}, r"probe.k: Expected `int`, got `bool`"),
        ({}, r"probe: Knn cannot be made from what is stored \(missing a required argument: 'k'\)"),
        ({"k": 0}, r"probe\.k: Expected `int` >= 1"),
        ({"k": 5, "other": 1}, r"got an unexpected keyword argument 'other'"),
    ],
)
def test_values_fit_what_the_class_declares(stored, probe, message):
    earlier = stored(changed(CONFIGURATION, "probe", {"_target_": "relsym.probes.knn.Knn", **probe}))
    with pytest.raises(ValueError, match=rf"config.yaml: .*{message}"):
        earlier.probe()


# --- packages of the user's

PACKAGE = """
from pathlib import Path
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.base import JOINT, Metric, cosine
from relsym.objectives.knn import KnnRetraining
Path({marker!r}).touch()

class Mine(Metric):
    def distance(self, premise, hypothesis, label):
        return 1 - cosine(premise, label)
    def label_of(self, premise, hypothesis):
        return premise

class Joint(KnnRetraining):
    reads = JOINT

def made(file):
    raise AssertionError("called")
"""


@pytest.fixture
def package(tmp_path, monkeypatch, marker):
    """A package with a metric, that leaves the marker where it is imported."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "own_metrics.py").write_text(PACKAGE.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path / "packages")
    yield "own_metrics"
    sys.modules.pop("own_metrics", None)


def test_a_package_that_is_not_trusted_is_not_even_imported(stored, package, marker):
    config = changed(CONFIGURATION, "metric", {"_target_": f"{package}.Mine"})
    for trust in ((), ("other",), ("own",), ("own_metrics.sub",)):
        with pytest.raises(
            ValueError, match=r"If it is your own and you trust that package, pass trust=\[own_metrics\]"
        ):
            stored(config, trust)
    assert not marker.exists()
    assert package not in sys.modules


def test_a_component_of_a_trusted_package_is_used_and_its_functions_are_not(stored, package, marker):
    earlier = stored(changed(CONFIGURATION, "metric", {"_target_": f"{package}.Mine"}), [package])
    assert type(earlier.metric()).__name__ == "Mine"
    assert marker.exists()
    for target in (f"{package}.made", f"{package}.Path", f"{package}.cosine", f"{package}.Metric"):
        with pytest.raises(ValueError, match=rf"'{target}' is no Metric"):
            stored(changed(CONFIGURATION, "metric", {"_target_": target}), [package])
    with pytest.raises(ValueError, match=r"cannot be imported"):
        stored(changed(CONFIGURATION, "metric", {"_target_": f"{package}.Path.touch"}), [package])


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        ("mine", "expected a list"),
        (5, "expected a list"),
        ([5], "not the name of a package"),
        (["a b"], "not the name"),
        (["relsym"], "need no trust"),
        (["relsym.app"], "need no trust"),
    ],
)
def test_trust_is_a_list_of_packages_other_than_relsym(trust, message):
    with pytest.raises(ValueError, match=message):
        check_trust(trust)


def test_a_stored_trust_counts_for_nothing(stored, package, marker):
    config = {**changed(CONFIGURATION, "metric", {"_target_": f"{package}.Mine"}), "trust": [package]}
    with pytest.raises(ValueError, match="pass trust="):
        stored(config)
    assert not marker.exists()


def test_what_is_trusted_changes_nothing_that_is_computed():
    assert computed({"seed": 0, "trust": ["mine"]}) == computed({"seed": 0, "trust": []}) == {"seed": 0}


# --- code in the encoder's folder

CODE = (
    "from pathlib import Path\nPath({marker!r}).touch()\nfrom transformers import BertConfig\nclass "
    "Own(BertConfig):\n    model_type = 'own'\n"
)


@pytest.fixture
def needs_code(tmp_path, marker):
    """A run whose encoder is a model of its own code."""
    folder = write_earlier_run(tmp_path / "own", changed(CONFIGURATION, "model.trust_remote_code", True))
    path = folder / "encoder" / "config.json"
    config = {
        **json.loads(path.read_text()),
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"},
    }
    path.write_text(json.dumps(config))
    (folder / "encoder" / "own.py").write_text(CODE.format(marker=str(marker)))
    return folder


def test_a_stored_trust_remote_code_switches_nothing_on(needs_code, marker):
    with pytest.raises(
        ValueError, match=r"never taken from its config.yaml.*pass model\.trust_remote_code=true"
    ):
        load_run(str(needs_code), "fp32", "cpu")
    with pytest.raises(ValueError, match=r"pass model=encoder model\.name=.* model\.trust_remote_code=true"):
        open_run(str(needs_code), ()).encoder(None, False)
    assert not marker.exists()


def test_an_encoder_without_code_is_loaded_whatever_is_stored(stored):
    earlier = stored(changed(CONFIGURATION, "model.trust_remote_code", True))
    assert earlier.encoder(None, False).max_length == 64


def test_the_command_line_alone_says_whether_code_runs(stored, monkeypatch):
    asked = []
    encoder = tiny_encoder()

    def load(*arguments, pooling_options):
        asked.append(arguments[-1])
        return encoder

    monkeypatch.setattr("relsym.app.earlier_run.load_encoder", load)
    for in_file in (True, False):
        for here in (True, False):
            stored(changed(CONFIGURATION, "model.trust_remote_code", in_file)).encoder(None, here)
    assert asked == [True, False, True, False]


# --- labels


@pytest.mark.parametrize("labels", [LABELS[::-1], [*LABELS, "neutral"], ["entailment", "neutral"]])
def test_labels_that_are_not_those_of_the_results_are_refused(stored, labels):
    with pytest.raises(
        ValueError,
        match=r"labels are \['.*\] in config.yaml and \['entailment', 'contradiction'\] in results.json",
    ):
        stored({**CONFIGURATION, "labels": labels})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, r"labels: Expected `array`, got `null`"),
        ("entailment", r"labels: Expected `array`"),
        ([1, 2], "labels.0: Expected `str`"),
        (["entailment"], "labels: Expected `array` of length >= 2"),
        (["entailment", "entailment"], "holds one twice"),
    ],
)
def test_labels_are_texts_and_different_ones(stored, labels, message):
    with pytest.raises(ValueError, match=message):
        stored({**CONFIGURATION, "labels": labels})


@pytest.mark.parametrize("key", ["labels", "model", "metric", "probe", "objective", "data"])
def test_a_missing_key_is_named(stored, key):
    with pytest.raises(ValueError, match=rf"config.yaml: Object missing required field `{key}`. Pass a run"):
        stored({name: value for name, value in CONFIGURATION.items() if name != key})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("model.pooling", {"_target_": "os.system"}, "model.pooling: Expected `str`"),
        ("model.pooling", "median", "pooling: expected one of mean, cls, max, .*, got 'median'"),
        ("model.max_length", "64", "max_length: Expected `int`"),
        ("model.max_length", 0, "max_length: Expected `int` >= 1"),
        ("model.trust_remote_code", "true", "trust_remote_code: Expected `bool`"),
        ("metric", "relsym.metrics.rotate.Rotate", "metric: Expected `object`"),
        ("data", [], "data: Expected `object`"),
        ("data.module", None, "data.module: Expected `object`"),
        ("probe", {1: 2}, "Expected `str`, got `int`"),
    ],
)
def test_values_of_another_type_are_refused_with_their_key(stored, place, value, message):
    with pytest.raises(ValueError, match=message):
        stored(changed(CONFIGURATION, place, value))


# --- files that are no configuration

BOMB = "a: &a [1, 1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- list\n", "expected a mapping of keys, got a list"),
        ("", "expected a mapping of keys, got a NoneType"),
        (
            "metric: !!python/object/apply:os.system ['touch MARKER']\n",
            "could not determine a constructor for the tag.*line 1",
        ),
        ("metric: !!python/name:os.system\n", "could not determine a constructor"),
        ("a: {b: [}\n", "not the YAML that relsym writes"),
        (BOMB, "an alias, line 2"),
        ("base: &base {k: 1}\nprobe: {<<: *base}\n", "an alias"),
        ("a: 1\na: 2\n", "the key a twice, line 2"),
        ("[" * 100_000, "not the YAML that relsym writes"),
        ("a: 2024-99-99\n", "not the YAML"),
        ("x: " + "9" * 200_000, "not the YAML"),
        ("a: " + "b" * LARGEST, f"larger than {LARGEST} bytes"),
        ("a: \x00\n", "not the YAML"),
        ("? [a, b]\n: c\n", "expected a mapping|not the YAML"),
        ("labels: !!map [a, b]\n", "a tag that does not fit, line 1"),
        ("labels: !!set [a]\n", "not the YAML"),
        ("labels: !!timestamp foo\n", "not the YAML"),
        ("labels: !!int ''\n", "not the YAML"),
        ("labels: !!bool foo\n", "not the YAML"),
    ],
    ids=[
        "list",
        "empty",
        "apply",
        "name",
        "broken",
        "bomb",
        "merge",
        "twice",
        "deep",
        "date",
        "number",
        "large",
        "zero",
        "key",
        "a mapping that is a list",
        "a set that is a list",
        "no time",
        "no number",
        "no truth value",
    ],
)
def test_a_file_that_relsym_does_not_write_is_refused(stored, marker, text, message):
    with pytest.raises(ValueError, match=message) as refusal:
        stored(text.replace("MARKER", str(marker)))
    assert len(str(refusal.value)) < 600
    assert not marker.exists()


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(ValueError, match=r"not the YAML that relsym writes \('utf-8'"):
        read_config(tmp_path / "config.yaml")


@pytest.mark.parametrize("value", ["!!binary aGVsbG8=", "2024-01-01", "!!set {a, b}", "!!omap [a: 1]"])
def test_arguments_of_other_kinds_than_plain_ones_are_refused(stored, value):
    text = yaml.safe_dump(CONFIGURATION).replace("margin: 0.5", f"margin: {value}")
    with pytest.raises(
        ValueError, match=r"objective.margin(.0)?: expected a plain value, got a (bytes|date|set|tuple)"
    ):
        stored(text)


def test_what_is_shown_of_a_stored_value_is_one_short_line():
    assert shown_text("a\nb\x1b[31m") == r"'a\nb\x1b[31m'"
    assert len(shown_text("x" * 1000)) == len(printable("x" * 1000)) == 80
    assert printable("a\nb\x1b") == r"a\nb\x1b"


# --- the commands


@pytest.fixture
def _no_git(monkeypatch):
    """A training asks git for its commit, which is a process too."""
    monkeypatch.setattr("relsym.runs.origin.git_commit", lambda: None)


@pytest.mark.usefixtures("_no_git")
def test_no_command_that_opens_a_run_calls_what_it_names(relsym, quick, tmp_path, marker):
    run = write_earlier_run(tmp_path / "earlier", attack("metric", "os.system", marker))
    message = "the key '_args_' has no place there"
    out = tmp_path / "run"
    refused(relsym("train", *quick, f"init={run}"), message, out)
    refused(relsym("train", *quick, f"init={run}", "recipe=replay", "forgetting=mnli"), message, out)
    for model in ("model=run", f"model.folder={run}"), ("model=auto", f"model.name={run}"):
        ended = relsym(
            "evaluate",
            "tracking=csv",
            "data.samples=8",
            "data.test_pairs=8",
            f"hydra.run.dir={tmp_path / 'out'}",
            *model,
        )
        assert ended.code == 1
        assert message in ended.err
    assert not marker.exists()


@pytest.mark.usefixtures("_no_git")
def test_a_trusted_package_is_named_on_the_command_line(relsym, quick, tmp_path, package, marker):
    run = write_earlier_run(
        tmp_path / "earlier", changed(CONFIGURATION, "metric", {"_target_": f"{package}.Mine"})
    )
    refused(relsym("train", *quick, f"init={run}"), "pass trust=[own_metrics]", tmp_path / "run")
    assert not marker.exists()
    refused(relsym("train", *quick, f"init={run}", "trust=own_metrics"), "trust=[PACKAGE]", tmp_path / "run")
    ended = relsym("train", *quick, f"init={run}", "trust=[own_metrics]", "objective=random_label", "seed=1")
    assert "metric was Mine" in ended.err
    assert marker.exists()


def test_tensors_of_a_run_can_be_changed_without_a_warning(run):
    tensors = open_run(str(run), ()).tensors()
    tensors["memory"].add_(1)
    assert (tensors["memory"].dtype, tensors["memory_targets"].dtype) == (torch.float32, torch.int64)
    assert tensors["memory_targets"].tolist() == list(np.arange(6) % 2)


def test_how_hydra_would_hand_lists_over_means_nothing_and_is_no_error(tmp_path):
    path = tmp_path / "config.yaml"
    config = changed(
        CONFIGURATION, "probe", {"_target_": "relsym.probes.knn.Knn", "_convert_": "all", "k": 5}
    )
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    assert read_config(path).probe.values == {"k": 5}
    path.write_text(path.read_text().replace("_convert_: all", "_convert_: os.system"))
    with pytest.raises(ValueError, match="_convert_"):
        read_config(path)
