"""``relsym TASK ...``: finds the task and hands over.

Imports nothing heavy, so that help and completion are quick.
"""

from __future__ import annotations

import os
import runpy
import sys

TASKS = {
    "build": "turn Wikidata triples into a benchmark on disk, audited",
    "train": "retrain an encoder with one objective on n samples and score it beside the shortcuts",
    "evaluate": (
        "score any model: encoders, finished runs, NLI cross-encoders, language models, servers, tables of "
        "answers"
    ),
    "export": "write rows for other programs to answer, such as lm-evaluation-harness",
    "report": "put finished runs into one table and one figure",
    "upgrade": "copy folders of earlier versions into the format of this one",
}
HELP = """relsym: does a language model know which relations are symmetric?

usage: relsym TASK [OVERRIDES...]

tasks:
{tasks}

  relsym TASK --help           groups, options and worked examples of a task
  relsym completion bash       shell completion:  eval "$(relsym completion bash)"   (or zsh)
  relsym --version
"""
COMPLETION = """_relsym_complete() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=( $(compgen -W "$(COMP_LINE="$COMP_LINE" relsym completion query 2>/dev/null)" -- "$word") )
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _relsym_complete relsym
"""
SHELLS = {
    "bash": COMPLETION,
    "zsh": "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n" + COMPLETION,
}


def main() -> None:
    """Entry point of the command ``relsym`` and of ``python -m relsym``."""
    task, *rest = sys.argv[1:] or ["--help"]
    if task in TASKS:
        run_task(task, rest)
    elif task in ("--help", "-h", "help"):
        print(HELP.format(tasks="\n".join(f"  {name:8} {text}" for name, text in TASKS.items())))
    elif task == "--version":
        from relsym import __version__

        print(f"relsym {__version__}")
    elif task == "completion" and rest and (rest[0] in SHELLS or rest[0] == "query"):
        complete() if rest[0] == "query" else print(SHELLS[rest[0]], end="")
    else:
        sys.exit(
            f"relsym: unknown task {' '.join([task, *rest])!r}. Tasks: {', '.join(TASKS)}, completion "
            "bash|zsh. See relsym --help."
        )


def run_task(task: str, arguments: list[str]) -> None:
    """Run a task as ``python -m relsym.app.TASK`` would, which is also how Lightning starts further ranks."""
    sys.argv[1:] = arguments
    runpy.run_module(f"relsym.app.{task}", run_name="__main__", alter_sys=True)


def complete() -> None:
    """Print the words that may follow COMP_LINE: tasks first, then what Hydra knows of the task's
    overrides.
    """
    line = os.environ.get("COMP_LINE", "")
    _, task, rest = [*line.split(maxsplit=2), "", "", ""][:3]
    if task in TASKS and (rest or line.endswith(" ")):
        os.environ["COMP_LINE"] = f"relsym {rest}"
        run_task(task, ["-sc", "query=bash"])
    else:
        print(" ".join([*TASKS, "completion"]))
