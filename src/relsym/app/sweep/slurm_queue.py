"""What SLURM says of jobs.

``sacct`` is asked for forgotten jobs alone, so that clusters without accounting serve too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from typing import NamedTuple

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
    """What SLURM says of a job. state: its word, in capitals.  code: exit code of its script, 0 while it
    runs.  reason: why it waits.
    """

    state: str
    code: int
    reason: str = ""


def ask(ids: Collection[str]) -> dict[str, Said]:
    """One call to ``squeue`` for all jobs; those that the controller has forgotten are left out.

    Raises:
        NoAnswer: the controller could not be reached.
    """
    answer = slurm_command(
        "squeue",
        "--noheader",
        "--states=all",
        f"--jobs={','.join(sorted(ids))}",
        f"--Format={SQUEUE_COLUMNS}",
    )
    if answer.returncode and "Invalid job id" not in answer.stderr:
        raise NoAnswer(f"squeue: {answer.stderr.strip()[-500:]}")
    rows = (line.split(None, 3) for line in answer.stdout.splitlines() if line.strip())
    return {
        number: Said(state, from_wait_status(int(status)), reason.strip())
        for number, state, status, reason in rows
    }


def queued() -> dict[str, str]:
    """This user's jobs in the queue or running: number by name."""
    answer = slurm_command("squeue", "--noheader", f"--users={os.getuid()}", "--format=%A %j")
    return {
        name: number
        for number, _, name in (line.strip().partition(" ") for line in answer.stdout.splitlines())
    }


def from_wait_status(status: int) -> int:
    """The exit code that a shell would show: 128 + signal for a death by signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def recall(number: str) -> Said | None:
    """What the accounting database says of a job that the controller has forgotten; None without a database,
    or if it does not know.
    """
    answer = slurm_command(
        "sacct", "--noheader", "--parsable2", "--allocations", "--format=State,ExitCode", f"--jobs={number}"
    )
    if answer.returncode or not answer.stdout.strip():
        return None
    state, code = answer.stdout.splitlines()[0].split("|")
    status, _, signal = code.partition(":")
    return Said(
        state.split()[0], int(status) or (128 + int(signal) if int(signal or 0) else 0)
    )  # "CANCELLED by 1000" is CANCELLED


def cancel(ids: Collection[str]) -> None:
    """Ask SLURM to end the jobs; those that have ended are no error."""
    if ids:
        slurm_command("scancel", *sorted(ids))


def slurm_command(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of SLURM's commands.

    Raises:
        NoAnswer: it did not end in time.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        raise NoAnswer(f"{command[0]}: {error}") from error
