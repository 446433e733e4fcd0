"""Single files of a model, from a local folder or the hub."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

log = logging.getLogger(__name__)
LARGEST_JSON = 2**20  # bytes of a JSON file; those of sentence encoders have some hundred


class ModelFiles:
    """The files of one model.

    Args:
        name: local folder or hub id.
        revision: branch, tag or commit on the hub.

    Attributes:
        reached: False once the hub could not say whether it has a file.
    """

    def __init__(self, name: str, revision: str | None) -> None:
        self.name = name
        self.revision = revision
        self.is_local = Path(name).is_dir()
        self.reached = True

    def path(self, file: str) -> Path | None:
        """Where a file lies on this machine, fetched if need be; None where there is none.

        Args:
            file: its path in the folder or repository.
        """
        if self.is_local:
            path = Path(self.name) / file
            return path if path.is_file() else None
        try:
            return Path(hf_hub_download(self.name, file, revision=self.revision))
        except LocalEntryNotFoundError:  # not in the cache, and the hub is out of reach
            cached = try_to_load_from_cache(self.name, file, revision=self.revision)
            # Neither a path nor None: the hub has said earlier that there is no such file.
            self.reached = self.reached and cached is not None
            return None
        except EntryNotFoundError:
            return None
        except Exception as error:  # the hub raises many types; whoever loads the weights says what is wrong
            log.debug("%s: %s cannot be had: %s", self.name, file, error)
            self.reached = False
            return None

    def json(self, file: str, kind: type) -> Any:
        """The content of a JSON file; None where there is no such file.

        Args:
            file: its path in the folder or repository.
            kind: dict or list, what the file has to hold.

        Raises:
            ValueError: it is damaged, huge, or holds something else.
        """
        path = self.path(file)
        if path is None:
            return None
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path}: larger than {LARGEST_JSON} bytes, as no such file is. {self.advice}")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not the JSON it should be ({error}). {self.advice}") from error
        if not isinstance(content, kind):
            expected = "an object" if kind is dict else "a list"
            raise ValueError(f"{path}: expected {expected}, got {type(content).__name__}. {self.advice}")
        return content

    @property
    def advice(self) -> str:
        """What to do about a file that cannot be used."""
        return "Get the model again, or save it again with sentence-transformers."
