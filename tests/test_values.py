"""Values out of range and keys that nothing reads are refused with key, value and range, before torch is
imported.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import pytest
from hydra import compose, initialize_config_module
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf

from relsym.app import entry
from relsym.app.cli import TASKS
from relsym.app.values import known, suggest, trainer
from relsym.app.values.checks import _declared, calls, check_composed, check_values
from relsym.app.values.empty_text import empty_names
from relsym.app.values.hints import expected, fits, shown
from relsym.app.values.interpolations import is_read, origin, references
from relsym.app.values.known import known_keys, option_files
from relsym.app.values.schema import SCHEMAS, TrainerArguments
from relsym.app.values.signatures import imported_signature, read_signature
from relsym.app.values.source_code import Unread, source_of
from relsym.data.pairs import VARIANTS, VariantName
from relsym.ranges import (
    Dropout,
    Length,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Seed,
    Share,
    Unlimited,
)
from relsym.runs.identity import computed
from relsym.runs.plain_yaml import load_yaml

GIVEN = {
    "model/callable": ("model.function=package.module:name",),
    "model/auto": ("model.name=x",),
    "model/encoder": ("model.name=x",),
}
TASKS_OF = {
    "benchmark": ["build"],
    "model": ["train", "evaluate"],
    "data": ["train", "evaluate", "build", "export"],
}
OPTIONS = [
    (path.parts[0], "/".join(path.with_suffix("").parts[1:]))
    for path in option_files()
    if path.parts[0] != "hydra"
]
NUMERIC = [("train", ()), ("evaluate", ("model=openai_compatible",)), ("build", ()), ("export", ())]
# The mechanism is one for all: these are walked through with the marked tests.
FURTHER_NUMERIC = [
    ("train", ("model=tiny", "objective=random_label")),
    ("train", ("objective=finetune", "forgetting=mnli")),
    ("train", ("recipe=[replay,l2sp,distill,lora,freeze,solved,wise_ft]",)),
    ("train", ("data=mnli", "hardware=ddp_cpu")),
    ("train", ("data=wikidata_sparql",)),
    ("evaluate", ()),
    ("evaluate", ("model=nli",)),
    ("evaluate", ("model=callable", "model.function=f:f")),
    ("evaluate", ("model=causal_lm",)),
    ("evaluate", ("model=masked_lm",)),
    ("evaluate", ("model=smollm2",)),
    ("build", ("benchmark=extended",)),
]
# What may be -1: without a limit, all devices, a loss below which training stops, the name of a folder.
MAY_BE_NEGATIVE = {"training.epochs", "training.max_steps", "hardware.devices", "training.stop_loss", "init"}


def composed(task: str, *words: str) -> DictConfig:
    with initialize_config_module("relsym.conf", version_base="1.3"):
        return compose(task, list(words))


def refusal(task: str, *words: str) -> str:
    """The message that a user gets, composing or checking; empty where all is well."""
    try:
        check_composed(composed(task, *words), task)
    except Exception as error:
        return entry.describe(error)
    return ""


# --- values


@pytest.mark.parametrize(
    ("word", "range_"),
    [
        ("objective.learning_rate=abc", "a number, 0 or more"),
        ("training.epochs=0", "a whole number, 1 or more, -1 (no limit), or null"),
        ("objective.margin=-1", "a number, 0 or more"),
        ("objective.warmup=2", "a number from 0 to 1"),
        ("training.patience=-1", "a whole number, 0 or more"),
        ("training.stop_loss=nan", "a number or null"),
        ("training.stop_loss=inf", "a number or null"),
        ("model.max_length=1000000", "a whole number from 8 to 32768 or null"),
        ("training.max_steps=1.5", "a whole number, 1 or more, or -1 (no limit)"),
        ("training.max_steps=0", "a whole number, 1 or more, or -1 (no limit)"),
        ("training.gradient_clip=-1", "a number, 0 or more, or null"),
        ("training.keep=first", "last or best"),
        ("probe.k=0", "a whole number, 1 or more"),
        ("seed=-1", "a whole number from 0 to 4294967295"),
        ("seed=true", "a whole number from 0 to 4294967295"),
        ("sweep.reuse=maybe", "any, true or false"),
        ("tracking.name=3", "text or null"),
        ("tracking.tags=paper", "a list of text"),
        ("hardware.num_nodes=0", "a whole number, 1 or more, or null"),
        ("training=3", "a mapping"),
        ("data.batch_size=1000000000", "a whole number from 2 to 65536"),
        (
            "objective.schedule=foo",
            "linear, cosine, constant, constant_with_warmup, cosine_with_restarts, polynomial or "
            "inverse_sqrt",
        ),
        (
            "data.train_variants=[nope]",
            "a list of swap, negated_swap, identity, negated_identity, paraphrase, converse, "
            "swapped_converse, reworded_swap, swapped_paraphrase, double_negation, negated_premise, "
            "other_relation, other_object, implied or swapped_implied, or null",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_with_key_value_and_range(word, range_):
    assert refusal("train", word) == f"{word}: expected {range_}."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model=tiny", "model.layers=-1"), "model.layers=-1: expected a whole number from 1 to 256."),
        (
            ("recipe=l2sp", "recipe.l2sp.weight=0"),
            "recipe.l2sp.weight=0: expected a number above 0 "
            "(to go without, leave the remedy out of recipe).",
        ),
        (
            ("recipe=lora", "recipe.lora.dropout=1"),
            "recipe.lora.dropout=1: expected a number from 0 to below 1.",
        ),
    ],
)
def test_the_arguments_of_an_option_are_checked_too(words, message):
    assert refusal("train", *words) == message


def test_a_value_is_named_by_the_key_that_a_user_sets_it_by():
    assert refusal("train", "data.batch_size=x") == (
        "data.batch_size=x: expected a whole number from 2 to 65536."
    )
    assert refusal("train", "objective.seed=-3").startswith("objective.seed=-3: ")
    assert (
        refusal("train", "data=wikidata_sparql", "data.pause=-1")
        == "data.pause=-1: expected a number from 0 to 86400."
    )


def test_a_whole_number_that_64_bits_do_not_hold_is_refused():
    message = refusal("train", f"data.samples={10**30}")
    assert (
        message
        == f"data.samples={10**30}: expected a whole number, 1 or more, or null. Whole numbers have 64 bits."
    )


def test_the_names_of_variants_are_those_that_there_are():
    assert get_args(VariantName) == tuple(VARIANTS)


def test_all_that_is_wrong_is_told_at_once():
    assert refusal("train", "probe.k=0", "training.patience=x").splitlines() == [
        "training.patience=x: expected a whole number, 0 or more.",
        "probe.k=0: expected a whole number, 1 or more.",
    ]


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("evaluate", "validation_pairs=-1"),
        ("evaluate", "swapped_pairs=1.5"),
        ("evaluate", "shard_rows=0"),
        ("evaluate", "probe.k=-1"),
        ("build", "seed=x"),
        ("build", "benchmark.examples=-1"),
        ("export", "shots=-1"),
        ("export", "data.samples=0"),
    ],
)
def test_every_command_checks_its_values(task, word):
    assert refusal(task, word).startswith(f"{word}: expected a whole number")


@pytest.mark.parametrize(
    "words",
    [
        ("training.epochs=-1",),
        ("training.epochs=null",),
        ("training.max_steps=-1",),
        ("training.patience=0",),
        ("training.stop_loss=0",),
        ("training.stop_loss=null",),
        ("objective.margin=1",),
        ("objective.learning_rate=1e30",),
        ("hardware.devices=auto",),
        ("hardware.devices=[0,1]",),
        ("data.samples=null",),
    ],
)
def test_values_on_the_edge_of_their_ranges_are_taken(words):
    assert refusal("train", *words) == ""


def declared_hints(task: str, cfg: DictConfig) -> dict[str, Any]:
    """Every number's key, as a user sets it, and the type that is declared for it."""
    written = OmegaConf.to_container(cfg, resolve=False)
    config = OmegaConf.to_container(cfg, resolve=True)
    places = {}
    for path, value, hint in _declared(config, SCHEMAS[task], ()):
        places[path] = (value, hint)
    for path, node in calls(config, ()):
        hints = read_signature(node["_target_"]).hints
        for key, value in node.items():
            if not key.startswith("_"):
                places[(*path, key)] = (value, hints[key])
    numbers = {}
    for path, (value, hint) in places.items():
        # Those that are null as they are too: any of them may be set.
        if is_number(value) or (value is None and takes_numbers(hint)):
            key = ".".join(origin(written, path))
            numbers[key] = hint
    return numbers


def takes_numbers(hint: Any) -> bool:
    """Whether a value of this type can be a number."""
    is_open = hint in (Any, object, Unread)
    return not is_open and any(fits(value, hint) for value in (-1, 0, 1, 64, 0.5))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers_in(node: Any, path: str = "") -> list[str]:
    """The dotted keys of all numbers in nested mappings."""
    if not isinstance(node, dict):
        return [path] if is_number(node) else []
    keys = []
    for key, value in node.items():
        keys += numbers_in(value, f"{path}.{key}".lstrip("."))
    return keys


@pytest.mark.parametrize(
    ("task", "words"),
    [*NUMERIC, *(pytest.param(*further, marks=pytest.mark.slow) for further in FURTHER_NUMERIC)],
    ids=lambda part: part if isinstance(part, str) else ",".join(part),
)
def test_what_is_no_number_in_its_range_is_refused_for_every_number(task, words):
    cfg = composed(task, *words)
    hints = declared_hints(task, cfg)
    assert set(numbers_in(OmegaConf.to_container(cfg, resolve=False))) <= hints.keys(), (
        "a number whose type is declared nowhere"
    )
    for key, hint in hints.items():
        for value in (math.nan, math.inf, -math.inf, -7, -1, 10**30, "word"):
            changed = cfg.copy()
            OmegaConf.update(changed, key, value)
            if fits(value, hint):
                check_composed(changed, task)
                continue
            with pytest.raises(ValueError, match=rf"^{key}={value}: expected ") as refused:
                check_composed(changed, task)
            assert expected(hint).split(",")[0] in str(refused.value)
        for value in (math.nan, math.inf, -math.inf, 10**30):
            assert not fits(value, hint), f"{key}: {value} is in its range"
        assert key in MAY_BE_NEGATIVE or not fits(-1, hint), f"{key}: -1 is in its range"


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_is_taken_as_it_is(group, option):
    if option == "tune":
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    for task in TASKS_OF.get(group, ["train"]):
        assert refusal(task, f"{group}={option}", *GIVEN.get(f"{group}/{option}", ())) == ""


# --- keys


@pytest.mark.parametrize(
    ("task", "word", "advice"),
    [
        ("train", "foo=1", ""),
        ("train", "training.epoch=3", " Did you mean training.epochs?"),
        ("train", "lr=1", " Did you mean objective.learning_rate?"),
        ("train", "objective.lr=1", " Did you mean objective.learning_rate?"),
        ("train", "model.pool=1", " Did you mean model.pooling?"),
        ("train", "data.sample=3", " Did you mean data.samples?"),
        ("train", "hardware.gpus=2", " Did you mean hardware.devices?"),
        ("train", "training.min.epochs=2", " Did you mean training.epochs?"),
        ("evaluate", "shard_row=3", " Did you mean shard_rows?"),
        ("build", "audits=warn", " Did you mean audit?"),
        ("export", "shot=1", " Did you mean shots?"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_a_near_match_whether_it_has_a_plus_or_not(
    task, word, advice
):
    message = f"{word}: nothing reads this key.{advice}"
    assert refusal(task, f"+{word}") == refusal(task, word) == message


@pytest.mark.parametrize(
    ("task", "word", "owners"),
    [
        ("train", "data.folder=x", "data=anli, data=built, data=mnli, data=nli and 3 more"),
        ("train", "recipe.lora.rank=3", "recipe=lora"),
        ("evaluate", "training.epochs=2", "relsym train"),
        ("train", "validation_pairs=3", "relsym evaluate"),
        ("train", "inputs=x", "relsym report"),
    ],
)
def test_a_key_of_another_option_or_command_is_named_with_it(task, word, owners):
    message = f"{word}: nothing reads this key here. It belongs to {owners}."
    assert refusal(task, f"+{word}") == refusal(task, word) == message


def test_a_group_of_another_command_is_named_with_it():
    assert (
        refusal("evaluate", "objective=knn")
        == "objective=knn: nothing reads this key here. It belongs to relsym train."
    )


@pytest.mark.parametrize(
    "words",
    [
        ("+foo=3", "seed=${foo}"),
        ("+a.b=3", "seed=${a.b}"),
        (
            "+a.b=3",
            "+a.c=4",
            "seed=${oc.select:a.b,0}",
            "data.split_seed=${.sample_seed}",
            "data.sample_seed=${a.c}",
        ),
    ],
)
def test_a_key_that_an_interpolation_reads_is_no_stranger(words):
    assert refusal("train", *words) == ""


def test_a_key_that_the_run_folders_name_reads_is_no_stranger(relsym, quick, tmp_path):
    ended = relsym("train", *quick[:-1], "+tag=mine", f"hydra.run.dir={tmp_path}/${{tag}}")
    assert ended.code == 0, ended.err
    assert (tmp_path / "mine" / "results.json").exists()
    assert "tag=mine: nothing reads this key" in relsym("train", *quick, "+tag=mine").err


def test_mappings_that_take_any_key_take_it():
    assert (
        refusal(
            "evaluate", "model=openai_compatible", "model.url=http://x", "model.name=y", "+model.body.top_k=3"
        )
        == ""
    )
    assert refusal("train", "data=table", "data.triples=x", "data.columns.subject=s") == ""
    assert refusal("evaluate", "model=openai_compatible", "model.body.top_k=3") == (
        "model.body.top_k=3: model.body is empty, and what is added to it takes a plus: +model.body.top_k=3"
    )


def test_interpolations_are_followed_to_where_a_value_was_set():
    config = {
        "a": {"b": "${c.d}", "e": "x ${f} ${oc.env:HOME} ${oc.select:g.h,3}", "i": ["${..j}", "${k.${l}.m}"]},
        "c": {"d": 1},
    }
    assert references(config) == {("c", "d"), ("f",), ("g", "h"), ("a", "j"), ("k",), ("l",)}
    assert origin(config, ("a", "b")) == ("c", "d")
    assert is_read(("k", "x", "m"), references(config))
    assert not is_read(("c", "e"), references(config))


# --- suggestions


def test_suggestions_know_the_keys_of_every_command_and_the_groups():
    words = known_keys()
    assert {
        "training.epochs",
        "validation_pairs",
        "audit",
        "shots",
        "inputs",
        "objective",
        "benchmark",
        "data",
        "recipe",
    } <= words.keys()
    commands = set()
    for owners in words.values():
        commands.update(owner for owner in owners if owner.startswith("relsym"))
    assert commands == {f"relsym {task}" for task in SCHEMAS}


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("lr", "objective.learning_rate"),
        ("wd", "objective.weight_decay"),
        ("batch_size", "data.batch_size"),
        ("epochs", "training.epochs"),
        ("n", "data.samples"),
        ("samples", "data.samples"),
        ("margin", "objective.margin"),
        ("k", "probe.k"),
        ("max_length", "model.max_length"),
    ],
)
def test_a_short_name_finds_its_key(word, key):
    assert suggest.near_matches(word, known_keys().keys() - {word})[0] == key


def test_a_short_name_finds_its_key_though_another_command_has_a_key_of_that_name():
    told = suggest.unread("k", "k=3", {"probe.k", "data.samples"})
    assert told.endswith("It belongs to relsym index. Did you mean probe.k?")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("org/name", "model=encoder model.name=org/name"),
        ("/home/me/model", "model=encoder model.name=/home/me/model"),
        ("roberta-base", "model=roberta_large or model=encoder model.name=roberta-base"),
        ("bundeld", "model=bundled or model=encoder model.name=bundeld"),
    ],
)
def test_a_hub_id_or_a_path_as_an_option_leads_to_the_option_that_takes_it(word, meant):
    assert refusal("train", f"model={word}").endswith(f"Did you mean {meant}?")


def test_hydras_advice_to_add_a_plus_is_not_shown():
    for word in ("training.epoch=3", "lr=1", "objective=kn", "model=org/name", "benchmark=paper"):
        assert "append" not in refusal("train", word)
        assert "+" not in refusal("train", word)


# --- Lightning's Trainer


def test_further_arguments_reach_lightnings_trainer(relsym, quick, tmp_path):
    words = ("data.batch_size=2", "training.max_steps=-1", "training.epochs=2", "training.stop_loss=null")
    steps = {}
    for name, further in (("plain", ()), ("further", ("+training.trainer.accumulate_grad_batches=4",))):
        ended = relsym("train", *quick, *words, *further, f"hydra.run.dir={tmp_path / name}")
        assert ended.code == 0, ended.err
        curve = (tmp_path / name / "csv" / "metrics.csv").read_text().splitlines()
        column = curve[0].split(",").index("step")
        steps[name] = max(int(line.split(",")[column]) for line in curve[1:])
        results = json.loads((tmp_path / name / "results.json").read_text())
        steps[f"{name} job"] = results["job_hash"]
    assert steps["further"] < steps["plain"]
    assert steps["further job"] != steps["plain job"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("max_epochs=3", "relsym sets this argument itself, from training.epochs."),
        ("devices=2", "relsym sets this argument itself, from hardware.devices."),
        ("logger=false", "relsym sets this argument itself, from tracking."),
        ("enable_progress_bar=true", "relsym needs this argument as it sets it."),
        (
            "acumulate_grad_batches=2",
            "nothing reads this key. Did you mean training.trainer.accumulate_grad_batches?",
        ),
        ("accumulate_grad_batches=two", "expected a whole number."),
    ],
)
def test_an_argument_that_is_not_the_users_is_refused(word, message):
    assert refusal("train", f"+training.trainer.{word}") == f"training.trainer.{word}: {message}"


def test_relsym_sets_no_argument_of_the_trainer_that_is_not_known_to_be_set(monkeypatch, tmp_path):
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import CSVLogger

    from relsym.app.train import compose as composing

    passed: dict[str, Any] = {}
    monkeypatch.setattr(Trainer, "__init__", lambda self, **arguments: passed.update(arguments))
    composing.build_trainer(
        composed("train", "+training.trainer.accumulate_grad_batches=2"), CSVLogger(tmp_path), tmp_path
    )
    assert passed.keys() == {
        *trainer.READ_FROM,
        *trainer.MADE_BY,
        *trainer.SET_BY_RELSYM,
        "accumulate_grad_batches",
    }
    assert passed["accumulate_grad_batches"] == 2
    assert (passed["max_epochs"], passed["gradient_clip_val"], passed["precision"], passed["devices"]) == (
        20,
        1.0,
        "32-true",
        1,
    )


def test_no_further_arguments_leave_a_runs_identity_as_it_was():
    config = OmegaConf.to_container(composed("train"), resolve=True)
    before = {
        **config,
        "training": {key: value for key, value in config["training"].items() if key != "trainer"},
    }
    assert computed(config) == computed(before)
    assert config["training"]["trainer"] == {}
    config["training"]["trainer"] = {"accumulate_grad_batches": 2}
    assert computed(config) != computed(before)


# --- the schema


@pytest.mark.parametrize("task", SCHEMAS)
def test_the_schema_of_a_command_has_the_keys_of_its_file(task):
    file = OmegaConf.to_container(
        OmegaConf.load(Path(sys.modules["relsym.conf"].__file__).parent / f"{task}.yaml"), resolve=False
    )
    groups = {
        next(iter(entry)).removeprefix("override ")
        for entry in file.pop("defaults")
        if isinstance(entry, dict)
    }
    own = set(file) - {"hydra"}
    hints = get_type_hints(SCHEMAS[task], include_extras=True)
    assert own <= hints.keys()
    assert hints.keys() - own <= groups, "a key that neither the file nor a group brings"
    for key in own:
        if isinstance(file[key], dict) and key not in ("recipe", "shortcuts"):  # of groups, by name
            assert get_type_hints(hints[key]).keys() == file[key].keys()


def test_every_command_has_a_schema():
    assert SCHEMAS.keys() == TASKS.keys() - {"upgrade"}, (
        "relsym upgrade takes folders and has no configuration"
    )


def test_training_may_be_told_further_arguments_and_nothing_else_may():
    training = get_type_hints(get_type_hints(SCHEMAS["train"])["training"])
    assert [key for key, hint in training.items() if hint is TrainerArguments] == ["trainer"]


# --- signatures


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_a_signature_reads_the_same_from_source_as_from_the_imported_object(group, option):
    if option == "tune":
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    task = TASKS_OF.get(group, ["train"])[-1] if group != "data" else "train"
    config = OmegaConf.to_container(
        composed(task, f"{group}={option}", *GIVEN.get(f"{group}/{option}", ())), resolve=True
    )
    for _, node in calls(config, ()):
        static, real = read_signature(node["_target_"]), imported_signature(node["_target_"])
        assert static is not None, node["_target_"]
        assert (static.hints.keys(), static.open) == (real.hints.keys(), real.open)
        for name, hint in static.hints.items():
            assert hint is Unread or str(hint).replace("typing.Optional", "") == str(
                real.hints[name]
            ).replace("typing.Optional", "")


def test_engines_of_sweeps_declare_their_ranges(relsym, quick, tmp_path):
    ended = relsym(
        "train",
        "-m",
        *quick[:-1],
        "seed=0,1",
        "hydra.launcher.jobs=0",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert "hydra.launcher.jobs=0: expected a whole number, 1 or more, or auto." in ended.err
    assert read_signature("relsym.app.sweep.slurm.SlurmEngine").open
    assert read_signature("relsym.app.sweep.ray_engine.RayEngine").hints["parallelism"] == PositiveInt | None


PACKAGE = {
    "__init__.py": "raise SystemExit('nobody may import this for its signatures')\n",
    "ranges.py": (
        "from typing import Annotated\nfrom msgspec import Meta\nLOW = 2\nHeight = Annotated[float | int, "
        "Meta(gt=LOW, lt=9.5)]\n"
    ),
    "base.py": "class Base:\n    def __init__(self, encoder, labels, *, width: int = 1) -> None: ...\n",
    "mine.py": """
import typing as t
from typing import Annotated, TYPE_CHECKING
import msgspec
from mypackage.base import Base as Parent
from .ranges import Height

if TYPE_CHECKING:
    from elsewhere import Thing

class Mine(Parent):
    def __init__(
        self,
        *args,
        height: Height,
        depth: 'Annotated[int, msgspec.Meta(le=3)]' = 0,
        thing: Thing = None,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)

class Free:
    def __init__(self, known: t.Literal["a", "b"], **others): ...

def function(size: int, *, made: "Thing" = None): ...
""",
}


@pytest.fixture
def mypackage(tmp_path, monkeypatch):
    folder = tmp_path / "mypackage"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    read_signature.cache_clear()
    source_of.cache_clear()
    yield folder
    read_signature.cache_clear()
    source_of.cache_clear()


def mine(target: str, **arguments: Any) -> DictConfig:
    cfg = composed("train")
    OmegaConf.set_struct(cfg, False)
    cfg.probe = {"_target_": target, **arguments}
    return cfg


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        ("Mine", {"height": 2}, "probe.height=2: expected a number above 2 and up to below 9.5."),
        ("Mine", {"height": 3, "depth": 4}, "probe.depth=4: expected a whole number, 3 or less."),
        ("Mine", {"height": 3, "width": "x"}, "probe.width=x: expected a whole number."),
        (
            "Mine",
            {"height": 3, "heigth": 4},
            "probe.heigth=4: nothing reads this key. Did you mean probe.height?",
        ),
        ("Free", {"known": "c"}, "probe.known=c: expected a or b."),
        (
            "function",
            {"size": 1, "sizes": 2},
            "probe.sizes=2: nothing reads this key. Did you mean probe.size?",
        ),
    ],
)
def test_a_component_of_ones_own_is_checked_by_its_own_annotations(mypackage, target, arguments, message):
    with pytest.raises(ValueError, match=r"^probe") as refused:
        check_composed(mine(f"mypackage.mine.{target}", **arguments), "train")
    assert str(refused.value) == message


def test_what_a_component_of_ones_own_takes_is_taken(mypackage):
    check_composed(mine("mypackage.mine.Mine", height=9, depth=3, width=2, thing=3), "train")
    check_composed(mine("mypackage.mine.Free", known="a", any=1), "train")
    check_composed(mine("mypackage.nowhere.Nothing", any=1), "train")


STRANGE = {
    "a type of a package that imports its own parts": (
        "from torch import nn\n",
        "head: nn.Module | None = None",
        {"head": None},
    ),
    "words for people as an annotation": ("", "rate: 'the learning rate' = 1", {"rate": 2}),
    "a name that stands for itself": ("Size = int\nSize = Size | float\n", "size: Size = 1", {"size": 2}),
    "a pair of two types": ("", "pair: tuple[str, float]", {"pair": ["a", 0.5]}),
}


@pytest.mark.parametrize("case", STRANGE)
def test_ordinary_python_in_a_component_of_ones_own_is_no_error(mypackage, case):
    before, parameter, arguments = STRANGE[case]
    (mypackage / "strange.py").write_text(
        f"{before}\nclass Made:\n    def __init__(self, {parameter}) -> None: ...\n"
    )
    check_composed(mine("mypackage.strange.Made", **arguments), "train")


def test_a_constructor_is_read_as_python_runs_it(mypackage):
    (mypackage / "made.py").write_text("""
import functools
from dataclasses import dataclass
from mypackage.base import Base

def registered(kind): return kind

@registered
class Decorated:
    def __init__(self, size): ...

@dataclass
class Own:
    field: int
    def __init__(self, size): ...

class Keeps(Base):
    def __init__(self, **more):
        super().__init__(1)
        self.more = more
""")
    assert read_signature("mypackage.made.Decorated") is None
    assert read_signature("mypackage.made.Own").hints.keys() == {"size"}
    assert read_signature("mypackage.made.Keeps").open


def test_what_source_alone_does_not_tell_is_checked_after_import_with_the_same_message(mypackage):
    (mypackage / "__init__.py").write_text("")
    (mypackage / "late.py").write_text(
        "from typing import Annotated\nfrom msgspec import Meta\n\ndef ranged(low): return Annotated[int, "
        "Meta(ge=low)]\n\n"
        "class Made:\n    def __init__(self, size: ranged(5)): ...\n\nAlias = type('Alias', (Made,), {})\n"
    )
    cfg = mine("mypackage.late.Made", size=4)
    check_composed(cfg, "train")
    with pytest.raises(ValueError, match=r"^probe\.size=4: expected a whole number, 5 or more\.$"):
        check_values(cfg, "train")
    with pytest.raises(
        ValueError, match=r"^probe\.sise=4: nothing reads this key\. Did you mean probe\.size\?$"
    ):
        check_values(mine("mypackage.late.Alias", sise=4), "train")


# --- words for types


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (PositiveInt | None, "a whole number, 1 or more, or null"),
        (Seed, "a whole number from 0 to 4294967295"),
        (Share, "a number from 0 to 1"),
        (Dropout, "a number from 0 to below 1"),
        (PositiveFloat, "a number above 0"),
        (NonNegativeFloat | None, "a number, 0 or more, or null"),
        (Length, "a whole number from 8 to 32768"),
        (PositiveInt | Unlimited, "a whole number, 1 or more, or -1 (no limit)"),
        (str | None, "text or null"),
        (Literal["last", "best"], "last or best"),
        (list[str] | str | None, "a list of text, text or null"),
        (bool, "true or false"),
        (Annotated[int, Meta(le=3)], "a whole number, 3 or less"),
        (dict[str, Any] | None, "a mapping or null"),
        (float | int | None, "a number or null"),
    ],
)
def test_a_type_is_told_in_words(hint, words):
    assert expected(hint) == words


@pytest.mark.parametrize(
    ("value", "hint", "fit"),
    [
        (1, float, True),
        (True, int, False),
        (True, float, False),
        (1.0, int, False),
        (math.nan, float, False),
        (math.inf, float, False),
        (1, str, False),
        ("a", list[str], False),
        (["a"], list[str], True),
        ([1], list[str], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        (None, int | None, True),
        (10**400, float, False),
        (2**63 - 1, int, True),
        (2**63, int, False),
        (-(10**30), int | None, False),
        ([1, "a"], tuple[int, str], True),
        (["a", 1], tuple[int, str], False),
        (-1, Unlimited, True),
        (True, Literal[1], False),
        (3, Any, True),
        ({}, object, True),
    ],
)
def test_a_value_fits_its_type_or_does_not(value, hint, fit):
    assert fits(value, hint) is fit


def test_a_value_is_shown_as_it_is_written():
    assert [shown(value) for value in (None, True, 1.5, "text", ["a", 1], {"a": None}, math.nan)] == [
        "null",
        "true",
        "1.5",
        "text",
        "[a, 1]",
        "{a: null}",
        "nan",
    ]
    assert shown("x" * 200) == "x" * 80 + "..."


# --- the command line


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("train", "objective.margin=-1"),
        ("train", "+foo=1"),
        ("train", "training.epoch=3"),
        ("evaluate", "probe.k=0"),
        ("build", "seed=x"),
        ("export", "shots=-1"),
    ],
)
def test_a_wrong_word_is_refused_before_torch_is_imported(task, word, tmp_path):
    code = (
        "import sys\nfrom relsym.app import cli\nsys.argv = ['relsym', *sys.argv[1:]]\ntry:\n    "
        "cli.main()\nexcept SystemExit as end:\n"
        "    print('code', end.code, 'torch' in sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, task, word, f"hydra.run.dir={tmp_path / 'run'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split()[-3:] == ["code", "1", "False"], ran.stderr
    assert ran.stderr.count("relsym: error:") == 1
    assert word.lstrip("+") in ran.stderr


def test_a_job_of_a_sweep_that_cannot_run_is_refused_before_any_job_is_inspected(relsym, quick, tmp_path):
    for word, message in (
        ("objective.margin=0.5,-1", "objective.margin=-1: expected a number, 0 or more."),
        ("+foo=1,2", "foo=1: nothing reads this key."),
    ):
        ended = relsym("train", "-m", *quick[:-1], word, f"hydra.sweep.dir={tmp_path / 'sweep'}")
        assert ended.code == 1
        assert "no job was started" in ended.err
        assert message in ended.err
        assert not list(tmp_path.glob("sweep*/*/results.json"))


@pytest.mark.parametrize(
    "name", ["../../x", "/tmp/x", "a/b", "a\\b", ".", "..", ".x", " x", "a\nb", "a\n", "a\x1b[31m", "x" * 61]
)
def test_the_name_of_a_sweep_is_the_name_of_a_folder(name):
    cfg = composed("train")
    cfg.sweep.name = name
    with pytest.raises(ValueError, match=r"(?s)^sweep\.name=.*expected text \(a letter or digit"):
        check_values(cfg, "train")


@pytest.mark.parametrize("name", ["table2", "a b", "Größe-1", "x" * 60, "k=3+margin@0.5", "2026.01"])
def test_an_ordinary_name_of_a_sweep_is_taken(name):
    cfg = composed("train")
    cfg.sweep.name = name
    check_values(cfg, "train")


def test_a_file_of_options_is_read_once_however_often_the_known_keys_are_asked_for(monkeypatch):
    read = []

    def counted(text, origin):
        read.append(origin)
        return load_yaml(text, origin)

    monkeypatch.setattr(known, "load_yaml", counted)
    known._values_of.cache_clear()
    first = known.known_keys()
    assert known.known_keys() == first
    assert known.free_mappings()
    assert read
    assert len(read) == len(set(read))


@pytest.mark.parametrize(
    ("task", "words", "key"),
    [
        ("report", ["inputs="], "inputs is empty"),
        ("report", ["inputs=['',a]"], "inputs has an empty item"),
        ("train", ["data=table", "data.triples=a", "data.property_table="], "data.property_table is empty"),
        ("train", ["data=table", "data.triples=a", "data.properties="], "data.properties is empty"),
        ("train", ["data=table", "data.triples=a", "data.entities="], "data.entities is empty"),
        ("train", ["data=wikidata5m", "data.folder=' '"], "data.folder is empty"),
        ("train", ["data=built", "data.folder="], "data.folder is empty"),
        ("train", ["model=encoder", "model.name="], "model.name is empty"),
        ("train", ["init="], "init is empty"),
        ("train", ["tracking=csv", "+tracking.dir="], "tracking.dir is empty"),
        ("evaluate", ["model=causal_lm", "model.name="], "model.name is empty"),
        ("build", ["data=wikidata_dump", "data.dump="], "data.dump is empty"),
        ("export", ["prompts="], "prompts is empty"),
    ],
)
def test_an_option_that_names_something_is_not_empty(task, words, key):
    """As an unset variable of the shell leaves it: that is no way to say 'the default'."""
    message = refusal(task, *words)
    name = key.partition(" ")[0]
    assert f"{key}: pass {name}=NAME, or leave it out." in message


def test_empty_text_stays_where_it_may_mean_something():
    own = OmegaConf.create({"metric": {"_target_": "package.Kind", "name": "", "parts": {"folder": ""}}})
    assert empty_names(OmegaConf.to_container(own), OmegaConf.to_container(own)) == {}


def test_further_arguments_of_the_trainer_are_a_mapping():
    assert "training.trainer=5: expected" in refusal("train", "training.trainer=5")
