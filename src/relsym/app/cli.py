"""The command ``relsym``: finds the task and hands over to it.

Imports nothing heavy, so that help and completion are quick.
"""

from __future__ import annotations

import os
import runpy
import sys

from relsym.app.streams import OutputLost, secure_output

TASKS = {
    "build": "turn triples into a benchmark on disk, audited",
    "train": "retrain an encoder with one objective on n samples and score it beside the shortcuts",
    "evaluate": (
        "score any model: encoders, finished runs, NLI cross-encoders, language models, servers, "
        "tables of answers"
    ),
    "predict": "answer pairs of your own with a finished run: one on the command line, or a whole table",
    "index": "find what agrees with a sentence and what contradicts it, among statements of your own",
    "check": "find what contradicts, and what is missing, among the statements of a knowledge base",
    "labels": "add labels to a finished run from a few pairs, list them, take them away",
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
# "=" must not end a word there: overrides hold one.
COMPLETION = """_relsym_complete() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=( $(compgen -W "$(COMP_LINE="$COMP_LINE" relsym completion query 2>/dev/null)" -- "$word") )
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _relsym_complete relsym
"""
# zsh runs the completion of bash.
SHELLS = {
    "bash": COMPLETION,
    "zsh": "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n" + COMPLETION,
}


def main() -> None:
    """Entry point of the command ``relsym`` and of ``python -m relsym``."""
    secure_output()
    try:
        answer()
        sys.stdout.flush()
    except OutputLost as lost:
        sys.exit(f"relsym: error: {lost}")


def answer() -> None:
    """Do what the command line asks for."""
    task, *rest = sys.argv[1:] or ["--help"]
    if task in TASKS:
        run_task(task, rest)
    elif task in ("--help", "-h", "help"):
        task_lines = [f"  {name:8} {text}" for name, text in TASKS.items()]
        print(HELP.format(tasks="\n".join(task_lines)))
    elif task == "--version":
        from relsym import __version__

        print(f"relsym {__version__}")
    elif task == "completion" and rest and rest[0] == "query":
        complete()
    elif task == "completion" and rest and rest[0] in SHELLS:
        print(SHELLS[rest[0]], end="")
    else:
        words = " ".join([task, *rest])
        sys.exit(
            f"relsym: unknown task {words!r}. Tasks: {', '.join(TASKS)}, completion bash|zsh. See relsym "
            "--help."
        )


def run_task(task: str, arguments: list[str]) -> None:
    """Run a task as ``python -m relsym.app.TASK`` would, which is also how Lightning starts further ranks."""
    sys.argv[1:] = arguments
    runpy.run_module(f"relsym.app.{task}", run_name="__main__", alter_sys=True)


def complete() -> None:
    """Print the words that may follow COMP_LINE, the line as the shell has it.

    First come the tasks, then what Hydra knows of the task's overrides.
    """
    line = os.environ.get("COMP_LINE", "")
    words = line.split(maxsplit=2)  # relsym, the task, and everything after it
    task = words[1] if len(words) > 1 else ""
    rest = words[2] if len(words) > 2 else ""
    # A task without a blank behind it may still be the beginning of another word.
    is_complete = bool(rest) or line.endswith(" ")
    if task in TASKS and is_complete:
        # Hydra completes the line of a command that has no tasks: it must not see this one's.
        os.environ["COMP_LINE"] = f"relsym {rest}"
        run_task(task, ["-sc", "query=bash"])
    else:
        print(" ".join([*TASKS, "completion"]))
