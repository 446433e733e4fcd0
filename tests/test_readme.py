"""Every documented command runs: those of the README and those of ``--help``, made small by overrides."""

from __future__ import annotations

import doctest
import gzip
import io
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import relsym.conf
from language_models_of import written
from models_of import tiny_classifier

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONF = Path(relsym.conf.__file__).parent
SMALL = ("model=tiny", "tracking=csv", "training.max_steps=1", "data.test_pairs=8")
# Commands that .ci/run or a test of their own runs (those with an encoder that knows NLI:
# tests/test_forgetting.py).
ELSEWHERE = {
    "make demo",
    "make test",
    'pip install ".[cpu,bundled]"',
    'pip install ".[gpu,bundled]"',
    "pip install .",
    "relsym --help",
    "relsym train --help",
    *(line for line in README.splitlines() if line.startswith("relsym train") and "MNLI" in line),
    'eval "$(relsym completion bash)"',
}
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


def readme_commands() -> list[str]:
    """Lines of the README's shell blocks, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def help_commands() -> list[str]:
    """Examples in the help of the tasks."""
    texts = [
        OmegaConf.load(CONF / f"{task}.yaml").hydra.help.template
        for task in ("build", "train", "evaluate", "predict", "index", "labels", "check", "report")
    ]
    return [
        line.strip()
        for text in texts
        for line in text.splitlines()
        if re.match(
            r"relsym (build|train|evaluate|predict|index|labels|check|report)"
            r"( \S+=|$| -m| '| build| add| query| list| remove)(?![a-z])",
            line.strip(),
        )
    ]


SWEEPS = sorted(
    {
        c
        for c in readme_commands() + help_commands()
        if c.startswith("relsym train") and (" -m " in c or " sweep=" in c)
    }
)
COMMANDS = sorted({c for c in readme_commands() + help_commands()} - ELSEWHERE - set(SWEEPS))


@pytest.fixture
def places(tmp_path: Path, triples_folder: Path, facts) -> dict[str, Path]:
    """What the placeholders of documented commands stand for."""
    claims: dict[str, dict] = {}
    for subject, property, object in facts:
        snak = {
            "snaktype": "value",
            "datavalue": {"type": "wikibase-entityid", "value": {"entity-type": "item", "id": object}},
        }
        claims.setdefault(subject, {}).setdefault(property, []).append({"mainsnak": snak, "rank": "normal"})
    items = [
        {
            "type": "item",
            "id": q,
            "labels": {"en": {"language": "en", "value": f"name {q[1:]}"}},
            "claims": claims.get(q, {}),
        }
        for q in sorted({q for s, _, o in facts for q in (s, o)})
    ]
    dump = tmp_path / "latest-all.json.gz"
    dump.write_bytes(gzip.compress(("[\n" + ",\n".join(map(json.dumps, items)) + "\n]\n").encode()))
    rated = tmp_path / "sis.csv"
    columns = "sentence,sentence_rev,predicate,sentence average score\n"
    lines = [f"Ann met Bo {number}.,Bo {number} met Ann.,meet,{number % 5 + 1}\n" for number in range(40)]
    rated.write_text(columns + "".join(lines))
    table = tmp_path / "facts.csv"
    table.write_text("subject,property,object\nA,touches,B\nB,touches,A\n")
    properties = tmp_path / "table.yaml"
    properties.write_text("touches: {name: touches, kind: symmetric, template: '[X] touches [Y].'}\n")
    return {
        "data=built data.folder=OUT": tmp_path / "built",
        "data.folder=PATH": triples_folder,
        "data.dump=latest-all.json.gz": dump,
        "data.file=PATH": rated,
        "data.triples=facts.csv": table,
        "=TABLE.yaml": properties,
    }


def words(command: str, places: dict[str, Path]) -> list[str]:
    """The command's words with the placeholders filled in."""
    filled = command
    for placeholder, path in places.items():
        filled = filled.replace(placeholder, f"{placeholder.rpartition('=')[0]}={path}")
    filled = re.sub(r" hydra\.run\.dir=OUT2?\b", "", filled)
    return shlex.split(filled.replace("hardware=gpu", "hardware=cpu"))


def fill_for_index(relsym, folder: Path, action: str) -> None:
    """What commands about an index read: a run, texts, and for all but the first an index."""
    fixed_labels = (*SMALL, "objective=fixed_label", f"hydra.run.dir={folder / 'run'}")
    assert relsym("train", *fixed_labels).code == 0
    for name in ("statements.txt", "questions.txt"):
        (folder / name).write_text("Ann is a parent of Bo.\nBo is a parent of Ann.\n")
    (folder / "more.csv").write_text("sentence\nAnn borders Bo.\n")
    if action != "build":
        index = folder / "outputs" / "index"
        texts = f"texts={folder / 'statements.txt'}"
        built = relsym("index", "build", texts, f"output={index}", f"model.folder={folder / 'run'}")
        assert built.code == 0, built.err


def fill_for_labels(relsym, folder: Path, action: str) -> None:
    """What commands about labels read: a run, pairs, and to be removed a label."""
    label_embeddings = (*SMALL, "objective=random_label", f"hydra.run.dir={folder / 'run'}")
    assert relsym("train", *label_embeddings).code == 0
    (folder / "neutral.csv").write_text("premise,hypothesis\nAnn met Bo.,Bo has red shoes.\n")
    if action == "remove":
        examples = f"examples={folder / 'neutral.csv'}"
        words = (f"model.folder={folder / 'run'}", "label=neutral", examples)
        assert relsym("labels", "add", *words).code == 0


def test_commands_are_found():
    assert len(COMMANDS) >= 5
    assert len(SWEEPS) >= 2
    assert set(readme_commands()) >= ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_runs(command, relsym, tmp_path, places, monkeypatch):
    program, task, *arguments = words(command, places)
    assert program == "relsym"
    if "data=built" in arguments:
        variants = ["benchmark=held_out"] if any("fold=" in word for word in arguments) else []
        assert relsym("build", *variants, f"hydra.run.dir={tmp_path / 'built'}").code == 0
    if task == "report":
        for name in ("outputs/demo", "a", "b"):
            assert relsym("train", *SMALL, f"hydra.run.dir={tmp_path / name}").code == 0
        arguments = [
            re.sub(
                r"inputs=outputs\b", f"inputs={tmp_path / 'outputs'}", a.replace("outputs/sweeps", "outputs")
            )
            for a in arguments
        ]
        arguments = [
            f"inputs={tmp_path / 'a'},{tmp_path / 'b'}" if a.startswith("inputs=") and "," in a else a
            for a in arguments
        ]
        ended = relsym("report", *arguments, f"hydra.run.dir={tmp_path / 'report'}")
    elif task == "evaluate":
        ended = relsym("evaluate", *evaluated(arguments, relsym, tmp_path))
    elif task == "predict":
        assert relsym("train", *SMALL, f"hydra.run.dir={tmp_path / 'run'}").code == 0
        (tmp_path / "pairs.csv").write_text("premise,hypothesis\nA borders B.,B borders A.\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "a", "hypothesis": "b"}\n')))
        ended = relsym("predict", *[word.replace("=RUN", "=run") for word in arguments])
    elif task in ("index", "labels"):
        fill = fill_for_index if task == "index" else fill_for_labels
        fill(relsym, tmp_path, arguments[0])
        monkeypatch.chdir(tmp_path)
        ended = relsym(task, *[word.replace("=RUN", "=run") for word in arguments])
    elif task == "check":
        ended = relsym("check", *arguments, f"hydra.run.dir={tmp_path / 'check'}")
        assert (tmp_path / "check" / "check.json").exists() == (ended.code in (0, 1)), ended.err
        ended = ended._replace(code=ended.code - (ended.code == 1))  # findings are no failure
    elif task == "build":
        ended = relsym("build", *arguments, f"hydra.run.dir={tmp_path / 'benchmark'}")
    else:
        small = [word for word in SMALL if not word.startswith("tracking=") or "tracking=" not in command]
        if "model=encoder" in arguments:
            small.remove("model=tiny")
            folder = tiny_classifier(tmp_path / "encoder")
            arguments = [word.replace("HUB_ID_OR_FOLDER", folder) for word in arguments]
        ended = relsym(task, *arguments, *small, f"hydra.run.dir={tmp_path / 'run'}")
    assert ended.code == 0, ended.err


def evaluated(arguments: list[str], relsym, tmp_path: Path) -> list[str]:
    """An evaluation made small: tiny models in place of those that the placeholders and the bundled encoder
    stand for.
    """
    if "model.folder=RUN" in arguments:
        assert relsym("train", *SMALL, "data.samples=8", f"hydra.run.dir={tmp_path / 'run'}").code == 0
    tiny = {
        "model.folder=RUN": f"model.folder={tmp_path / 'run'}",
        "model=bundled": "model=tiny",
        "precision=bf16": "precision=fp32",
        "model.name=HUB_ID_OR_FOLDER": f"model.name={tiny_classifier(tmp_path / 'classifier', fitted=True)}",
    }
    if "model=smollm2" in arguments:  # the real one: tests/test_causal_lm.py, marked slow
        arguments = [*arguments, f"model.name={written(tmp_path / 'language_model')}"]
        tiny["model=smollm2"] = "model=causal_lm"
    small = ["tracking=csv", "data.samples=8", "data.test_pairs=28", "validation_pairs=28", "swapped_pairs=8"]
    if "data=sis" in arguments:
        small.remove("data.samples=8")  # nothing learns from rated pairs
    place = (
        f"hydra.sweep.dir={tmp_path / 'all'}"
        if "-m" in arguments
        else f"hydra.run.dir={tmp_path / 'evaluation'}"
    )
    words = [
        tiny.get(word, word)
        for word in arguments
        if not word.startswith(("hydra.sweep.dir=", "hydra.run.dir="))
    ]
    return [
        *words,
        *small,
        place,
        *([] if any(word.startswith("model=") for word in words) else ["model=tiny"]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", SWEEPS)
def test_a_documented_sweep_runs(command, relsym, tmp_path, places):
    _, task, *arguments = words(command, places)
    few = ("seed=0", "data.samples=8,16") if " sweep=" in command else ("seed=0,1",)
    ended = relsym(task, *arguments, *SMALL, *few, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert ended.code == 0, ended.err
    expected = {"sweep=sample_efficiency": 4 * 2}.get(
        next((a for a in arguments if a.startswith("sweep=")), ""), 4 * 3 * 2
    )
    assert len(list((tmp_path / "sweep").glob("*/results.json"))) == expected


@pytest.mark.slow
def test_the_python_of_the_readme_prints_what_stands_there():
    [shown] = re.findall(r"```python\n(>>> .*?)```", README, flags=re.DOTALL)
    test = doctest.DocTestParser().get_doctest(shown, {}, "README.md", "README.md", 0)
    failures: list[str] = []
    assert len(test.examples) == 4
    assert doctest.DocTestRunner().run(test, out=failures.append).failed == 0, "".join(failures)


@pytest.mark.parametrize("option", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_every_named_sweep_is_a_row_of_the_readme(option):
    assert option == "by_hand" or f"`{option}`" in README


def test_the_files_that_the_readme_links_are_there():
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_no_placeholder_is_left():
    assert not re.search(r"^[A-Z]+_[A-Z]+$", README, flags=re.MULTILINE)
