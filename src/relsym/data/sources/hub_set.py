"""A data set on the Hugging Face hub, or a folder in the hub's layout; no code of the data set is
ever run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

STRINGS = ("string", "large_string", "string_view")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class HubSet:
    """Where a data set of the hub is, and its parts once they are asked for.

    Args:
        path: owner/name on the hub, or a folder.  name: the data set's configuration, if it has several.
        revision: commit, tag or branch.
        key, name_key: what path and name are called in relsym's configuration, for errors.

    Raises:
        ValueError: no path, or a folder with a revision.  FileNotFoundError: neither a folder nor an id of
        the hub.
    """

    def __init__(
        self,
        path: str | None,
        name: str | None = None,
        revision: str | None = None,
        key: str = "data.path",
        name_key: str = "data.name",
    ) -> None:
        if not path:
            raise ValueError(
                f"{key} is not set: pass {key}=OWNER/NAME of a data set on the Hugging Face hub, or "
                f"{key}=FOLDER."
            )
        self.folder = Path(path).expanduser() if Path(path).expanduser().is_dir() else None
        if self.folder is None and not HUB_ID.fullmatch(path):
            raise FileNotFoundError(
                f"{key}={path}: no such folder, nor an id of the hub (OWNER/NAME). Pass {key}=FOLDER or an "
                "id."
            )
        if self.folder and revision:
            raise ValueError(
                f"data.revision={revision}: a folder has no revisions. Leave it out, or pass "
                f"{key}=OWNER/NAME."
            )
        self.path, self.name, self.revision, self.key, self.name_key = path, name, revision, key, name_key

    @property
    def title(self) -> str:
        """The set and its revision, without the folders above it."""
        return (
            self.folder.name
            if self.folder
            else f"{self.path}{f' at {self.revision}' if self.revision else ''}"
        )

    def parts(self) -> Mapping[str, Any]:
        """Fetch the set: name of a part -> its ``datasets.Dataset``.

        Raises:
            ImportError: the library is not installed.  ConnectionError: the set is neither reached nor in the
            cache. FileNotFoundError: there is no such set.  ValueError: the library cannot read it.
        """
        try:
            from datasets import exceptions, load_dataset
        except ImportError as error:
            raise ImportError(
                'data sets of the hub need the library datasets: pip install "relsym[hub]".'
            ) from error
        try:
            if self.folder is None:
                return load_dataset(self.path, name=self.name, revision=self.revision)
            # The library takes a folder's earlier build for the present one even where files have changed
            # since.
            with TemporaryDirectory() as cache:
                return load_dataset(str(self.folder), name=self.name, cache_dir=cache, keep_in_memory=True)
        except ConnectionError as error:
            raise ConnectionError(
                f"{self.key}={self.path}: the hub cannot be reached and the data set is not in the cache "
                f"({error}). Connect to the "
                f"network, set HF_HOME to a cache that holds it, or pass {self.key}=FOLDER with a copy."
            ) from error
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.key}={self.path}: {error}. Check {self.key} and data.revision; if access is "
                "restricted, log in to the hub; or pass "
                f"{self.key}=FOLDER with a copy."
            ) from error
        except (ValueError, RuntimeError, exceptions.DatasetsError) as error:
            reason = " ".join(f"{error}{f' ({error.__cause__})' if error.__cause__ else ''}".split())
            raise ValueError(
                f"{self.key}={self.path}: {reason[:600]}. Pass {self.name_key}=NAME if it has several "
                f"configurations, or {self.key}=FOLDER "
                "with a copy whose files are data, with the same columns in each part."
            ) from error


def faults(
    features: Mapping[str, Any], columns: Mapping[str, str], numbers: Collection[str] = ()
) -> list[str]:
    """Columns (role -> name) that are not there or hold no text; a label may be a named class, a role in
    ``numbers`` a whole number.
    """
    found = [
        f"no column {name} (data.columns.{role})" for role, name in columns.items() if name not in features
    ]
    for role, name in columns.items():
        kind = getattr(features.get(name), "dtype", None)
        classes = role == "label" and hasattr(features.get(name), "names")
        if (
            name in features
            and not classes
            and kind not in STRINGS
            and not (role in numbers and str(kind).startswith(("int", "uint")))
        ):
            found.append(f"column {name} (data.columns.{role}) is {features[name]}, no text")
    return found


def described_columns(parts: Mapping[str, Any]) -> str:
    """Every part's columns with their types and first values."""
    lines = []
    for part, dataset in parts.items():
        first = dataset[0] if len(dataset) else {}
        lines += [
            f"  {part}:",
            *(
                f"    {name}: {kind}, such as {repr(first.get(name))[:60]}"
                for name, kind in dataset.features.items()
            ),
        ]
    return "\n".join(lines)
