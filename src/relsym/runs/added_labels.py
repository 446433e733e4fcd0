"""Labels that were added to a finished run: ``labels/001.json`` and so on, in the run's folder.

Each file is a version, and holds every label that was added by then with the pairs that brought it; the
newest one counts. No version is ever changed, and nothing else in the run's folder is, so that a run whose
added labels were removed answers as before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from relsym.runs.decoding import Sha256, decode, encode
from relsym.runs.files import write_text_atomically
from relsym.runs.layout import ADDED_LABELS

LABELS_FORMAT = 1
ADD_AGAIN = "Delete the file, and the version before it counts, or none; then add the labels again."
VERSION_FILE = re.compile(r"(\d{3}|[1-9]\d{3,8})\.json", re.ASCII)
# A name that can stand in a column's name and on a command line, without a blank or a dot at its ends.
LABEL_PATTERN = r"^[A-Za-z0-9_]([A-Za-z0-9_ .-]{0,38}[A-Za-z0-9_])?$"


class AddedLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One label that was added.

    label: its name.
    pairs: premise and hypothesis of each pair that brought it.
    implied: the label embedding that each pair implies, as the run's metric says it.
    """

    label: Annotated[str, msgspec.Meta(pattern=LABEL_PATTERN)]
    pairs: Annotated[list[tuple[str, str]], msgspec.Meta(min_length=1)]
    implied: Annotated[list[list[float]], msgspec.Meta(min_length=1)]


class AddedLabels(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version.

    run: SHA-256 of the run's encoder and of what its probe keeps.
    labels: in the order in which they were added; none where all were removed.
    """

    format: int = LABELS_FORMAT
    run: Sha256
    labels: list[AddedLabel]

    def names(self) -> list[str]:
        """The names of the labels."""
        return [added.label for added in self.labels]


def versions_of(run: Path) -> dict[int, Path]:
    """The files of all versions by number, the oldest first.

    Raises:
        ValueError: something else stands in the place of the folder.
    """
    folder = run / ADDED_LABELS
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ValueError(f"{folder}: no folder of added labels. Move it away.")
    by_number = {}
    for path in folder.iterdir():
        match = VERSION_FILE.fullmatch(path.name)
        if match is not None:
            by_number[int(match[1])] = path
    return dict(sorted(by_number.items()))


def read_version(path: Path) -> AddedLabels:
    """One version.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged; the message names file and key.
    """
    version = decode(path, AddedLabels, LABELS_FORMAT, ADD_AGAIN)
    names = version.names()
    lengths = {len(vector) for added in version.labels for vector in added.implied}
    counts_differ = any(len(added.pairs) != len(added.implied) for added in version.labels)
    if len(set(names)) < len(names) or len(lengths) > 1 or counts_differ:
        raise ValueError(
            f"{path}: holds a label twice, vectors of several lengths, or not as many vectors as pairs: "
            f"damaged. {ADD_AGAIN}"
        )
    return version


def newest_version(run: Path) -> tuple[Path, AddedLabels] | None:
    """The version that counts, with its file; None where no label was ever added. Errors as its parts."""
    versions = versions_of(run)
    if not versions:
        return None
    path = list(versions.values())[-1]
    return path, read_version(path)


def added_names(folder: object) -> str:
    """The labels that were added to a run, as its record names them; empty where there is no such folder."""
    path = Path(str(folder)).expanduser()
    newest = newest_version(path) if folder is not None else None
    return ", ".join(newest[1].names()) if newest else ""


def write_version(run: Path, of_run: str, labels: Sequence[AddedLabel]) -> Path:
    """Write a new version with these labels.

    Args:
        run: its folder.
        of_run: what ``AddedLabels.run`` says.
        labels: all that count from now on.

    Returns:
        Its file.
    """
    number = max(versions_of(run), default=0) + 1
    folder = run / ADDED_LABELS
    folder.mkdir(exist_ok=True)
    version = AddedLabels(run=of_run, labels=list(labels))
    return write_text_atomically(folder / f"{number:03}.json", encode(version, indent=0))
