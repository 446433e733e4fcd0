"""The finished run that a command goes on from: opened, checked, and what is taken from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import Tensor

from relsym.app.added_labels import take_added
from relsym.app.shipped import SHIPPED_FOLDER
from relsym.app.stored_components import build_component, check_named, check_trust, find, is_own
from relsym.data.splits import may_share_rows
from relsym.encoders.encoder import PRECISIONS, Encoder
from relsym.encoders.load import load_encoder
from relsym.encoders.low_rank import load_low_rank
from relsym.encoders.model_files import ModelFiles
from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.registry import POOLINGS, pooling_named
from relsym.encoders.sentence_transformers import read_folder
from relsym.metrics.base import JOINT, SENTENCES, Metric
from relsym.models.device import device_of
from relsym.models.run import RunModel
from relsym.probes.base import Probe
from relsym.runs.folder import read_tensors
from relsym.runs.layout import CONFIG, ENCODER, LOW_RANK, MEMORY, PROBE, RESULTS
from relsym.runs.memory import read_memory_ids
from relsym.runs.results import Earlier, TrainResults, read_results
from relsym.runs.stored_config import ADVICE, StoredConfig, read_config, shown_text
from relsym.uncollected import uncollected


@dataclass(frozen=True)
class EarlierRun:
    """A finished run of ``relsym train``, checked by ``open_run`` or, as far as it is used, ``load_run``.

    name: its folder, as it was given.
    key: the option that named it, for messages.
    results, config: what lies in its folder, decoded.
    trust: packages whose components its configuration may name.
    """

    name: str
    key: str
    results: TrainResults
    config: StoredConfig
    trust: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder that the run lies in."""
        return self.results.folder

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it knows, in the order of its classes."""
        return tuple(self.config.labels)

    @property
    def metric_class(self) -> type[Metric]:
        """The class of the metric that it was trained under."""
        return find(self.config.metric, self.trust, self.folder / CONFIG)

    @property
    def reads(self) -> str:
        """How its objective reads a pair: ``SENTENCES`` or ``JOINT``."""
        if not is_own(self.config.objective):
            return find(self.config.objective, self.trust, self.folder / CONFIG).reads
        # What compares no sentences reads the pair. To ask the class would import Lightning, just for this.
        return SENTENCES if self.metric_class.reads == SENTENCES else JOINT

    def identity(self) -> Earlier:
        """What a run that goes on from this one records about it.

        Raises:
            ValueError: it was written before runs had a ``cell_hash``.
        """
        if self.results.cell_hash is None:
            raise ValueError(
                f"{self.key}={self.name}: {RESULTS} has no cell_hash, so nothing tells what was computed "
                "there. Run that training again with this version."
            )
        return Earlier(
            model=self.results.model,
            config_hash=self.results.config_hash,
            cell_hash=self.results.cell_hash,
            benchmark_hash=self.results.benchmark.content_hash,
            began_with=self.results.began_with,
        )

    def encoder(self, dropout: float | None, trust_remote_code: bool) -> Encoder:
        """The retrained encoder, read as that run read it.

        Args:
            dropout: as in ``load_encoder``.
            trust_remote_code: from the command line of this run; what is stored never counts.

        Raises:
            ValueError: it cannot be loaded, or its own files say another pooling than the configuration.
        """
        model = self.config.model
        path = self.folder / ENCODER
        pooling = self._pooling()
        if not path.is_dir():  # _read_run has looked that there is one of the two
            return load_low_rank(self.folder / LOW_RANK, pooling, model.max_length, dropout)
        try:
            return load_encoder(
                str(path),
                None,
                pooling.name,
                model.max_length,
                dropout,
                trust_remote_code,
                pooling_options=pooling.options or None,
            )
        except ValueError as error:
            # Only a run that was trained with code from elsewhere can have failed for want of it.
            if not model.trust_remote_code or trust_remote_code:
                raise
            allow = "model.trust_remote_code=true"
            if self.key == "init":  # the options of other models have no such key
                allow = f"model=encoder model.name={path} {allow}"
            raise ValueError(
                f"{error} That run was trained with model.trust_remote_code=true, which is never taken from "
                f"its {CONFIG}. If the encoder needs code of its own and you trust what lies in {path}, pass "
                f"{allow}."
            ) from error

    def _pooling(self) -> Pooling:
        """How the run's encoder is pooled.

        Raises:
            ValueError: its configuration and the encoder's own files say two things.
        """
        model = self.config.model
        pooling = pooling_named(model.pooling, model.pooling_options)
        if not (self.folder / ENCODER).is_dir():
            return pooling  # low-rank weights say none of their own
        reading = read_folder(ModelFiles(str(self.folder / ENCODER), None))
        if reading is not None and not reading.pooling.is_like(pooling):
            stored, own = pooling.described(), reading.pooling.described()
            raise ValueError(
                f"{self.key}={self.name}: model.pooling is {stored} in {CONFIG}, and the files in {ENCODER} "
                f"say {own}: one of them was changed, and the vectors would not be those that were trained. "
                f"{ADVICE}"
            )
        return pooling

    def metric(self) -> Metric:
        """A new metric with the settings of the one that it was trained under."""
        return build_component(self.config.metric, self.trust, self.folder / CONFIG)

    def probe(self) -> Probe:
        """A new probe with the settings of the run's, without what that one learnt."""
        return build_component(self.config.probe, self.trust, self.folder / CONFIG)

    def tensors(self) -> dict[str, Tensor]:
        """What its objective learnt and its probe kept, by name. Raises as ``read_tensors``."""
        arrays = read_tensors(self.folder / PROBE)
        return {name: torch.tensor(array) for name, array in arrays.items()}

    def check_labels(self, labels: Sequence[str]) -> None:
        """Refuse rows with labels that the run has no class for."""
        if set(labels) - set(self.labels):
            raise ValueError(
                f"{self.key}={self.name}: that run knows the labels {', '.join(self.labels)}; the data has "
                f"{', '.join(labels)}."
            )

    def check_metric(self, metric: type[Metric]) -> None:
        """Refuse another metric than the run's, whose label embeddings only fit its own."""
        if self.metric_class is not metric:
            raise ValueError(
                f"{self.key}={self.name}: that run's metric was {self.metric_class.__name__}; its label "
                f"embeddings do not fit {metric.__name__}. Go on with the metric of that run."
            )

    def check_sides(self, sides: str | None) -> None:
        """Refuse rows that may have trained the run: of the same task, but split in another way.

        Args:
            sides: rule, seed and fold by which the rows are split; None for data without (NLI), which shares
                no rows with data that has them, as made-up facts share none with others.
        """
        earlier = self.results.benchmark.sides
        if earlier is None or sides is None:
            return
        if may_share_rows(earlier, sides):
            raise ValueError(
                f"{self.key}={self.name}: that run was split by {shown_text(earlier)}, this one by "
                f"{shown_text(sides)}: rows that are scored here may have trained it. Use the same split, "
                "seed and fold."
            )


def open_run(name: str, trust: Sequence[str], key: str = "init") -> EarlierRun:
    """A finished run of ``relsym train``, checked with all that its configuration names.

    It is decoded, and nothing that it names is called. Args and errors as ``_read_run``.
    """
    run = _read_run(name, trust, key)
    for component in run.config.components:
        find(component, trust, run.folder / CONFIG)  # refuses what plays another role
    return run


def _read_run(name: str, trust: Sequence[str], key: str) -> EarlierRun:
    """A finished run of ``relsym train``; of what its configuration names nothing is imported yet.

    Names alone are looked at: what is not built is not known to be there.

    Args:
        name: its folder.
        key: the option that names the run, for messages.
        trust: packages of the user's whose components the configuration may name beside relsym's own.

    Raises:
        ValueError: no finished run, damaged or changed files, components that are neither relsym's nor
            trusted, or labels that differ between ``config.yaml`` and ``results.json``.
    """
    check_trust(trust)
    folder = Path(name).expanduser()
    missing = [file for file in (RESULTS, CONFIG) if not (folder / file).is_file()]
    if not (folder / ENCODER).is_dir() and not (folder / LOW_RANK).is_file():
        missing.append(ENCODER)
    if missing:
        raise ValueError(
            f"{key}={name}: no finished run there ({', '.join(missing)} missing). Pass the folder of a "
            "relsym train that ended."
        )
    results = read_results(folder / RESULTS)
    if not isinstance(results, TrainResults):
        raise ValueError(
            f"{key}={name}: the results there are not of a training. Pass the folder of a relsym train that "
            "ended."
        )
    config = read_config(folder / CONFIG)
    if config.labels != results.labels:
        raise ValueError(
            f"{key}={name}: the labels are {shown_text(config.labels)} in {CONFIG} and "
            f"{shown_text(results.labels)} in {RESULTS}, and their order says what each class means. {ADVICE}"
        )
    # The configuration is decoded by type alone: a pooling that nobody knows is still a text.
    if config.model.pooling not in POOLINGS:
        raise ValueError(
            f"{folder / CONFIG}: model.pooling: expected one of {', '.join(POOLINGS)}, got "
            f"{shown_text(config.model.pooling)}. {ADVICE}"
        )
    _check_options(config, folder / CONFIG)
    for component in config.components:
        check_named(component, trust, folder / CONFIG)
    return EarlierRun(str(name), key, results, config, tuple(trust))


def _check_options(config: StoredConfig, path: Path) -> None:
    """Refuse options that the stored pooling does not have, or values that it does not take."""
    try:
        pooling_named(config.model.pooling, config.model.pooling_options)
    except ValueError as error:
        raise ValueError(f"{path}: {error} {ADVICE}") from error


def run_in_init(cfg: DictConfig) -> EarlierRun | None:
    """The run that ``init`` names; None where it names none. Raises as ``open_run``."""
    if cfg.init is None:
        return None
    return open_run(str(cfg.init), cfg.trust)


def load_run(
    folder: str | None,
    precision: str | None,
    accelerator: str,
    trust_remote_code: bool = False,
    trust: Sequence[str] = (),
    key: str = "model.folder",
    with_added: bool = True,
) -> RunModel:
    """The retrained encoder of a finished run, with its metric, its probe and its classes.

    Args:
        folder: of the run.
        precision: fp32 or bf16; None takes what the run itself was scored in, but for the one that relsym
            comes with fp32: most processors are slow in bf16.
        accelerator: cpu, gpu or auto.
        trust_remote_code, trust: from the command line; see ``EarlierRun.encoder`` and ``open_run``.
        key: the option that names the run, for messages.
        with_added: whether labels that were added after training are among its classes.

    Raises:
        ValueError: no folder, or one that cannot be used: see ``_read_run`` and ``build_component``.
    """
    if folder is None:
        raise ValueError(
            "model.folder is not set: pass model.folder=RUN, the folder of a relsym train that ended."
        )
    run = _read_run(folder, trust, key)
    metric = run.metric()
    probe = run.probe()
    tensors = run.tensors()
    _check_classes(run, tensors)
    try:
        probe.restore(metric, tensors)
    except KeyError as error:
        raise ValueError(
            f"{run.folder / PROBE}: holds no {error}, which {type(probe).__name__} reads. {ADVICE}"
        ) from error
    with uncollected():
        encoder = run.encoder(None, trust_remote_code)
    try:
        probe.check_fits(encoder.dim, len(run.labels))
    except ValueError as error:
        raise ValueError(f"{run.folder / PROBE}: {error} {ADVICE}") from error
    memory_ids = None
    if "memory" in probe.tensors():
        labels = [run.labels[target] for target in probe.tensors()["memory_targets"].tolist()]
        memory_ids = read_memory_ids(run.folder / MEMORY, labels)
    if precision is None:
        precision = "fp32" if run.folder == SHIPPED_FOLDER else run.results.precision
    objective = run.config.objective.target.rpartition(".")[2]
    source = {"name": folder, "objective": objective}
    model = RunModel(
        encoder,
        metric,
        probe,
        run.reads,
        list(run.labels),
        folder,
        source,
        device_of(accelerator),
        PRECISIONS[precision],
        memory_ids,
    )
    if with_added:
        take_added(model, run.folder)
    return model


def _check_classes(run: EarlierRun, tensors: Mapping[str, Tensor]) -> None:
    """Refuse stored training rows of a class that the run has no label for."""
    targets = tensors.get("memory_targets")
    if targets is not None and not bool(((targets >= 0) & (targets < len(run.labels))).all()):
        raise ValueError(
            f"{run.folder / PROBE}: memory_targets holds class {int(targets.max())}, and that run has the "
            f"labels {', '.join(run.labels)}. {ADVICE}"
        )
