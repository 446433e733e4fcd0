"""What SLURM says about jobs.

``squeue`` is asked first, ``sacct`` about the jobs that it has forgotten alone: clusters without accounting
serve too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from typing import NamedTuple

# States of jobs that are over.
ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
# Why a job may stand in the queue for ever: none of these goes away by waiting.
HOPELESS = frozenset(
    {
        "BadConstraints",
        "InvalidAccount",
        "InvalidQOS",
        "JobHoldMaxRequeue",
        "PartitionConfig",
        "PartitionNodeLimit",
        "PartitionTimeLimit",
        "DependencyNeverSatisfied",
        "launch failed requeued held",
    }
)
SQUEUE_COLUMNS = "JobID:32,State:32,exit_code:32,Reason:128"
ANSWER_S = 60.0


class NoAnswer(OSError):
    """The controller did not answer."""


class Said(NamedTuple):
    """What SLURM says about a job.

    state: its word, in capitals.  code: exit code of its script, 0 while it runs.  reason: why it waits.
    """

    state: str
    code: int
    reason: str = ""


def ask(ids: Collection[str]) -> dict[str, Said]:
    """What the controller says about jobs, by number; those that it has forgotten are left out.

    Raises:
        NoAnswer: the controller could not be reached.
    """
    # One call for all jobs spares the controller, which the whole cluster waits for.
    numbers = ",".join(sorted(ids))
    answer = slurm_command(
        "squeue", "--noheader", "--states=all", f"--jobs={numbers}", f"--Format={SQUEUE_COLUMNS}"
    )
    if answer.returncode and "Invalid job id" not in answer.stderr:
        raise NoAnswer(f"squeue: {answer.stderr.strip()[-500:]}")
    answers = {}
    for line in answer.stdout.splitlines():
        if line.strip():
            number, state, status, reason = line.split(None, 3)  # a reason may hold spaces
            code = from_wait_status(int(status))
            answers[number] = Said(state, code, reason.strip())
    return answers


def queued() -> dict[str, str]:
    """The numbers of this user's jobs in the queue or running, by name."""
    user = os.getuid()
    answer = slurm_command("squeue", "--noheader", f"--users={user}", "--format=%A %j")
    numbers = {}
    for line in answer.stdout.splitlines():
        number, _, name = line.strip().partition(" ")
        numbers[name] = number
    return numbers


def from_wait_status(status: int) -> int:
    """The exit code that a shell would show: 128 + signal for a death by signal."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:  # the negative of the signal
        return 128 - code
    return code


def recall(number: str) -> Said | None:
    """What the accounting database says about a job that the controller has forgotten.

    None without a database, or if it does not know the job.
    """
    answer = slurm_command(
        "sacct", "--noheader", "--parsable2", "--allocations", "--format=State,ExitCode", f"--jobs={number}"
    )
    if answer.returncode or not answer.stdout.strip():
        return None
    first_line = answer.stdout.splitlines()[0]  # "CANCELLED by 1000|0:15"
    state_text, code_text = first_line.split("|")
    state = state_text.split()[0]  # without who cancelled it
    status, _, signal = code_text.partition(":")
    code = int(status)
    if code == 0 and int(signal or 0):
        code = 128 + int(signal)
    return Said(state, code)


def cancel(ids: Collection[str]) -> None:
    """Ask SLURM to end the jobs; those that have ended are no error."""
    if ids:
        slurm_command("scancel", *sorted(ids))


def slurm_command(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of SLURM's commands, which may take ``ANSWER_S`` seconds.

    Raises:
        NoAnswer: it did not end in time, or is not installed.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        raise NoAnswer(f"{command[0]}: {error}") from error
