"""A data set on the Hugging Face hub, or a folder in the hub's layout.

No code of the data set is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from relsym.extras import Need, install_line

# Text, in the words of the library datasets.
STRINGS = ("string", "large_string", "string_view")
# Some old data sets have no owner.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class HubSet:
    """Where a data set of the hub is, and its parts once they are asked for.

    Args:
        path: owner/name on the hub, or a folder.
        name: the data set's configuration, if it has several.
        revision: commit, tag or branch.
        key, name_key: what path and name are called in relsym's configuration, for errors.

    Raises:
        ValueError: no path, or a folder with a revision.
        FileNotFoundError: neither a folder nor an id of the hub.
        ImportError: the library datasets is not installed.
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
                f"{key} is not set: "
                f"pass {key}=OWNER/NAME of a data set on the Hugging Face hub, or {key}=FOLDER."
            )
        folder = Path(path).expanduser()
        # A folder that is there goes before a data set of the same name on the hub.
        self.folder = folder if folder.is_dir() else None
        if self.folder is None and not HUB_ID.fullmatch(path):
            raise FileNotFoundError(
                f"{key}={path}: no such folder, nor an id of the hub (OWNER/NAME). "
                f"Pass {key}=FOLDER or an id."
            )
        if self.folder is not None and revision:
            raise ValueError(
                f"data.revision={revision}: a folder has no revisions. "
                f"Leave it out, or pass {key}=OWNER/NAME."
            )
        Need(key, "datasets", "datasets", install_line("hub")).refuse_if_missing()
        self.path = path
        self.name = name
        self.revision = revision
        self.key = key
        self.name_key = name_key

    @property
    def title(self) -> str:
        """The set and its revision, without the folders above it."""
        if self.folder is not None:
            return self.folder.name
        return f"{self.path} at {self.revision}" if self.revision else self.path

    def parts(self) -> Mapping[str, Any]:
        """Fetch the set: name of a part -> its ``datasets.Dataset``.

        Raises:
            ConnectionError: the set is neither reached nor in the cache.
            FileNotFoundError: there is no such set.
            ValueError: the library cannot read it.
        """
        from datasets import exceptions, load_dataset

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
                f"({error}). Connect to the network, set HF_HOME to a cache that holds it, "
                f"or pass {self.key}=FOLDER with a copy."
            ) from error
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.key}={self.path}: {error}. Check {self.key} and data.revision; "
                f"if access is restricted, log in to the hub; or pass {self.key}=FOLDER with a copy."
            ) from error
        except (ValueError, RuntimeError, exceptions.DatasetsError) as error:
            # What went wrong in a file often stands in the cause alone.
            reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
            on_one_line = " ".join(reason.split())
            raise ValueError(
                f"{self.key}={self.path}: {on_one_line[:600]}. "
                f"Pass {self.name_key}=NAME if it has several configurations, "
                f"or {self.key}=FOLDER with a copy whose files are data, with the same columns in each part."
            ) from error


def faults(
    features: Mapping[str, Any], columns: Mapping[str, str], numbers: Collection[str] = ()
) -> list[str]:
    """What is wrong with the columns of a data set, one text each: not there, or no text in it.

    Args:
        features: the data set's columns: name -> type. That of a role "label" may be a named class.
        columns: role -> name.
        numbers: roles that may be whole numbers.
    """
    problems = []
    for role, name in columns.items():
        if name not in features:
            problems.append(f"no column {name} (data.columns.{role})")

    for role, name in columns.items():
        if name not in features:
            continue
        feature = features[name]
        kind = getattr(feature, "dtype", None)
        is_text = kind in STRINGS
        is_named_class = role == "label" and hasattr(feature, "names")
        is_whole_number = role in numbers and str(kind).startswith(("int", "uint"))
        if not (is_text or is_named_class or is_whole_number):
            problems.append(f"column {name} (data.columns.{role}) is {feature}, no text")
    return problems


def described_columns(parts: Mapping[str, Any]) -> str:
    """Every part's columns with their types and first values, a line each."""
    lines = []
    for part, dataset in parts.items():
        lines.append(f"  {part}:")
        first = dataset[0] if len(dataset) else {}
        for name, kind in dataset.features.items():
            value = repr(first.get(name))[:60]
            lines.append(f"    {name}: {kind}, such as {value}")
    return "\n".join(lines)
