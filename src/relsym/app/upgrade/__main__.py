"""``relsym upgrade``: folders of earlier versions -> copies that this version reads.

It has no configuration, so it needs no Hydra.
"""

from __future__ import annotations

import sys

from relsym.app.entry import run

OUT = "out="
UPGRADE_HELP = """\
relsym upgrade copies folders that an earlier version of relsym wrote into the format of this one.
A folder is a run, an evaluation, a sweep or a benchmark, or has many of them below it. results.json and
sweep.json are rewritten, every other file is copied as it is, and the folder itself is never changed. What
cannot be upgraded is left out of the copy and listed with the reason.

usage: relsym upgrade FOLDER [FOLDER...] [out=OUT]

  FOLDER    what to upgrade; for sweeps that reuse each other's jobs, the folder above them
  out=OUT   where the copy goes, for one FOLDER; else beside it: FOLDER-upgraded

== Examples ==
relsym upgrade outputs
    everything below outputs, into outputs-upgraded
relsym upgrade outputs/sweeps/table4-0123abcd out=OUT
    one sweep, into OUT
"""


def main() -> None:
    """Upgrade the folders that the command line names, or print the help.

    Raises:
        ValueError: a word looks like an option, or as ``relsym.app.upgrade.steps.upgrade``.
    """
    words = sys.argv[1:]
    if any(word in ("--help", "-h") for word in words):
        print(UPGRADE_HELP, end="")
        return
    if words[:1] == ["-sc"]:  # shell completion, asking as it asks Hydra; folders are left to the shell
        print(OUT)
        return
    # Only here: help and completion answer at once without what it imports.
    from relsym.app.upgrade import steps

    options = [word for word in words if word.startswith("-")]
    if options:
        raise ValueError(
            f"{' '.join(options)}: no option of relsym upgrade, which takes folders and out=OUT. See relsym "
            "upgrade --help."
        )
    outs = [word.removeprefix(OUT) for word in words if word.startswith(OUT)]
    folders = [word for word in words if not word.startswith(OUT)]
    steps.upgrade(folders, outs)


if __name__ == "__main__":
    run(main)
