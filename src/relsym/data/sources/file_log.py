"""Which files were read and how many rows each had, with a warning of what a pattern took unasked."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

LOG = logging.getLogger(__name__)
# neg, negs, negative and negatives as the end of a word: train_neg.txt, but not negation.txt.
NEGATIVES = re.compile(r"neg(ative)?s?(?![a-z])", re.IGNORECASE)


class FileLog:
    """The files of one setting, with their rows.

    Args:
        key: of the setting, such as ``data.triples``.
        patterns: file -> the pattern that took it; files that were named themselves are not in it.
    """

    def __init__(self, key: str, patterns: Mapping[Path, str]) -> None:
        self.key = key
        self.patterns = patterns
        self.rows: Counter[Path] = Counter()
        self.layouts: dict[Path, str] = {}

    def add(self, path: Path, rows: int, layout: str = "") -> None:
        """Count rows that were read from a file, whose layout is described in a few words."""
        self.rows[path] += rows
        self.layouts.setdefault(path, layout)

    def tell(self) -> None:
        """Log each file; warn of negatives that a pattern took, and of files of several layouts."""
        for path, rows in self.rows.items():
            LOG.info("%s: %s, rows: %d", self.key, path.name, rows)
        files_of: dict[str, list[Path]] = {}
        for path in self.rows:
            if path in self.patterns:
                files_of.setdefault(self.patterns[path], []).append(path)
        for pattern, paths in files_of.items():
            self._warn_of_negatives(pattern, paths)
            self._warn_of_layouts(pattern, paths)

    def _warn_of_negatives(self, pattern: str, paths: list[Path]) -> None:
        negatives = [
            f"{path.name} (rows: {self.rows[path]})" for path in paths if NEGATIVES.search(path.stem)
        ]
        if negatives:
            LOG.warning(
                "%s=%s takes %s: by the name, statements that do not hold, which are read as facts. "
                "Name the files that you mean: %s=[FILE,FILE]; named themselves, these are taken too.",
                self.key,
                pattern,
                ", ".join(negatives),
                self.key,
            )

    def _warn_of_layouts(self, pattern: str, paths: list[Path]) -> None:
        if len({self.layouts[path] for path in paths}) > 1:
            described = [f"{path.name} ({self.layouts[path]})" for path in paths]
            LOG.warning(
                "%s=%s takes files of several layouts: %s. Name the files that you mean: %s=[FILE,FILE].",
                self.key,
                pattern,
                "; ".join(described),
                self.key,
            )
