"""Which option names the file that the system has refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from relsym.app.values.interpolations import origin, texts_in
from relsym.runs.disk import causes_of, files_of

# The attribute of an error that holds the key.
_OPTION = "relsym_option"


@contextmanager
def noting_option(cfg: DictConfig) -> Iterator[None]:
    """Within the ``with``, an error of the system about a file that an option names keeps its key."""
    try:
        yield
    except Exception as error:
        # Hydra wraps what a constructor has raised.
        for cause in causes_of(error):
            files = files_of(cause) if isinstance(cause, OSError) else []
            key = _key_of(cfg, files[0]) if files else None
            if key is not None:
                setattr(cause, _OPTION, key)
        raise


def noted_option(error: BaseException) -> str | None:
    """The dotted key that ``noting_option`` has left; None where there is none."""
    return getattr(error, _OPTION, None)


def _key_of(cfg: DictConfig, name: str) -> str | None:
    """The key, as a user sets it, of the option that names this file or its folder; None if none does."""
    written = OmegaConf.to_container(cfg, resolve=False)
    try:
        resolved = OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException:
        resolved = written
    refused = _absolute(name)
    for path, value in texts_in(resolved, ()):
        if not value:
            continue
        named = _absolute(value)
        # A folder may be named, and a file in it be refused; that the command is in a folder says nothing.
        is_below = refused.startswith(f"{named}{os.sep}") and named != os.getcwd()
        if refused == named or is_below:
            return ".".join(origin(written, path))
    return None


def _absolute(name: str) -> str:
    """A whole path, links in it unresolved: a name that is too long for the system can be compared too."""
    return os.path.abspath(os.path.expanduser(Path(name)))
