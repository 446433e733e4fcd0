"""A package of a user's own: one component of each kind, each one Python file and one option file, as the
documents ask for.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "own_parts_of_a_user"

FILES = {
    "metric.py": '''
"""Hadamard's metric, with a strength."""
from typing import Annotated

from msgspec import Meta

from relsym.metrics.base import Metric
from relsym.metrics.hadamard import Hadamard


class Strong(Metric):
    label_ignores_order = True

    def __init__(self, strength: Annotated[float, Meta(gt=0)]) -> None:
        self.strength, self.inner = strength, Hadamard()

    def distance(self, premise, hypothesis, label):
        return self.inner.distance(premise, hypothesis, label)

    def label_of(self, premise, hypothesis):
        return self.inner.label_of(premise, hypothesis)
''',
    "objective.py": '''
"""Pairs with one label together."""
from typing import ClassVar

from relsym.objectives.knn import NeighbourRetraining


class Together(NeighbourRetraining):
    title: ClassVar[str] = "pulled together"
''',
    "probe.py": '''
"""The label of the nearest training pair."""
from relsym.probes.base import Probe
from relsym.probes.knn import Knn
from relsym.ranges import PositiveInt


class Closest(Probe):
    needs_memory = True

    def __init__(self, k: PositiveInt) -> None:
        self.inner = Knn(k)

    def fit(self, metric, read_out, memory, targets):
        self.inner.fit(metric, read_out, memory, targets)

    def predict(self, representation):
        return self.inner.predict(representation)

    def refit(self, metric, memory, targets):
        self.inner.refit(metric, memory, targets)

    def restore(self, metric, tensors):
        self.inner.restore(metric, tensors)

    def scores(self, representation, classes):
        return self.inner.scores(representation, classes)

    def tensors(self):
        return self.inner.tensors()
''',
    "remedy.py": '''
"""Keeps the weights small."""
from typing import Annotated, ClassVar

import torch
from msgspec import Meta

from relsym.objectives.remedies.base import Remedy


class Small(Remedy):
    name: ClassVar[str] = "small"

    def __init__(self, weight: Annotated[float, Meta(gt=0)]) -> None:
        self.weight = weight

    def weight_penalty(self, objective):
        squares = [parameter.square().sum() for parameter in objective.parameters()]
        return self.weight * torch.stack(squares).sum()
''',
    "model.py": '''
"""Always entailment."""
from typing import ClassVar

from relsym.models.base import Judged, Model, Reading


class Yes(Model):
    kind: ClassVar[str] = "optimist"

    def __init__(self, name: str) -> None:
        self.name, self.source = name, {"name": name}

    def fingerprint(self):
        return "yes"

    def measure(self, rows, advance=lambda count: None):
        advance(len(rows))
        return {"answer": ["entailment" for _ in rows]}

    def readings(self):
        return (Reading("answer"),)

    def read(self, reading, form, measured):
        return Judged(measured["answer"])
''',
    "source.py": '''
"""Made-up facts of the paper's properties."""
from collections import Counter

from relsym.data.triples import TripleSource, label_frame, triple_frame


class MadeUp:
    def __init__(self, facts: int) -> None:
        self.facts = facts

    def read(self, properties):
        rows, labels = [], {}
        for place, property in enumerate(sorted(properties)):
            for number in range(self.facts):
                one, other = (f"Q{1 + 2 * (place * self.facts + number) + side}" for side in (0, 1))
                rows.append((one, property, other))
                labels |= {one: f"name {one}", other: f"name {other}"}
        return TripleSource(triple_frame(rows), label_frame(labels), len(rows), Counter(), "made-up facts")
''',
    "shortcut.py": '''
"""Knows every answer of the benchmark, which none may."""
from collections.abc import Sequence
from typing import ClassVar

from relsym.data.pairs import Row
from relsym.evaluation.shortcuts import Shortcut


class Oracle(Shortcut):
    title: ClassVar[str] = "the oracle"

    def __init__(self, always: str) -> None:
        self.always = always

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        return [row.label for row in test]
''',
    "tracker.py": '''
"""A file with what the tracker is told."""
from pathlib import Path

from relsym.app.tracking.tracker import Csv


class Noted(Csv):
    def __init__(self, folder: str, note: str) -> None:
        super().__init__(folder, name="", version="csv")
        self.note = note

    def end(self, code: int) -> None:
        Path(self.root_dir, "csv", "note.txt").write_text(f"{self.note} {code}")
''',
}

OPTIONS = {
    "metric/strong.yaml": f"_target_: {PACKAGE}.metric.Strong\nstrength: 0.5\n",
    "objective/together.yaml": f"""# @package objective
_target_: {PACKAGE}.objective.Together
margin: 0.5
learning_rate: 1e-4
weight_decay: 0.01
schedule: linear
warmup: 0.1
seed: ${{seed}}
""",
    "probe/closest.yaml": f"_target_: {PACKAGE}.probe.Closest\nk: 1\n",
    "recipe/small.yaml": f"# @package recipe.small\n_target_: {PACKAGE}.remedy.Small\nweight: 0.001\n",
    "model/optimist.yaml": f"_target_: {PACKAGE}.model.Yes\nname: always yes\n",
    "data/made_up.yaml": (
        f"defaults: [base/symmetry@_here_, _self_]\nreader: {{_target_: {PACKAGE}.source.MadeUp, facts: "
        f"24}}\n"
    ),
    "shortcut/oracle.yaml": (
        f"# @package shortcuts.oracle\n_target_: {PACKAGE}.shortcut.Oracle\nalways: entailment\n"
    ),
    "hardware/toaster.yaml": "accelerator: cpu\ndevices: 1\nstrategy: auto\nnum_nodes: 1\n",
    "tracking/noted.yaml": f"_target_: {PACKAGE}.tracker.Noted\nnote: ended with\n",
}


def write_parts(folder: Path) -> tuple[Path, Path]:
    """The folder of the package, to be put on Python's path, and the folder of its options, for
    ``--config-dir``.
    """
    package, options = folder / "site" / PACKAGE, folder / "options"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name, text in FILES.items():
        (package / name).write_text(text.lstrip())
    for name, text in OPTIONS.items():
        (options / name).parent.mkdir(parents=True, exist_ok=True)
        (options / name).write_text(text)
    return package.parent, options
