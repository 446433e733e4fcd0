"""The speed of ``relsym build`` at Wikidata5M's size.

Seconds and memory of the whole command, and of its reading stage beside plain Python:

    python benchmarks/build.py
    python benchmarks/build.py --sizes 1 5 --folder PATH --keep

The first makes 1, 5, 10 and 21 million triples in the system's temporary folder. The second leaves its files
in PATH, where the next run finds them.

The files are made up, seeded, and shaped like the whole Wikidata5M (21 million triples, 4.8 million entities,
1 GB). At each size the whole ``relsym build benchmark=paper data=wikidata5m`` is timed, start and imports
included. At the largest it runs twice, in turn with the reading stage alone and with a loop over the lines in
plain Python; the two builds must be equal byte for byte, and the two readers must find the same. Every
measurement is a process of its own; memory is its peak. The files have just been written or read: the disk is
not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from shutil import rmtree
from statistics import median
from tempfile import gettempdir

import numpy as np
import polars as pl

from relsym.data.benchmark import table_hash
from relsym.data.building import file_sha256
from relsym.data.relations import read_relations
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.triples import ENTITY_ID, PROPERTY_ID, TripleSource, label_frame, triple_frame
from relsym.runs.layout import CARD, DATA, MANIFEST
from relsym.runs.manifest import Manifest, read_manifest
from runs import markdown

TRIPLES, ENTITIES, SHAPE = "wikidata5m_all_triplet.txt", "wikidata5m_entity.txt", "shape.json"
ENTITIES_PER_TRIPLE = 4.8 / 21
HIGHEST_ID = 70_000_000
PROPERTIES = 825
INSTANCE_OF, INSTANCE_SHARE = "P31", 0.2
# An assumption about the shape of Wikidata5M, not counted from it. Property -> its rows in % of all, the
# share of its facts that is stated from the other side too (for antisymmetric ones: errors), the share whose
# two entities have one label, and how unevenly objects occur.
MIX = {
    "P131": (5.00, 0.001, 0.004, 3),
    "P361": (0.80, 0.010, 0.003, 2),
    "P279": (1.00, 0.002, 0.002, 3),
    "P40": (1.00, 0.001, 0.003, 1),
    "P22": (0.70, 0.001, 0.006, 1),
    "P25": (0.20, 0.001, 0.001, 1),
    "P2670": (0.02, 0.005, 0.002, 2),
    "P1542": (0.01, 0.010, 0.002, 2),
    "P828": (0.02, 0.010, 0.002, 2),
    "P3373": (1.00, 0.920, 0.002, 1),
    "P1889": (0.50, 0.850, 0.450, 1),
    "P460": (0.10, 0.700, 0.150, 1),
    "P1560": (0.03, 0.900, 0.010, 1),
    "P1382": (0.02, 0.600, 0.010, 1),
}
STATED_TWICE, SAME_ENTITY, UNLABELLED, HOMONYMS = 0.002, 0.0005, 0.003, 0.06
WORDS, OTHER_SCRIPT_WORDS = 2**17, 2**12
# Names have 2.5 words on average, entities 3.6 aliases; one of 256 equal chances each.
WORDS_OF_NAME = np.repeat([1, 2, 3, 4, 5, 6, 8, 10, 12], [44, 125, 52, 18, 8, 4, 3, 1, 1])
ALIASES = np.floor(np.log1p(-(np.arange(256) + 0.5) / 256) / np.log1p(-1 / 4.6)).astype(np.int64)
ROW_CHUNK, ENTITY_CHUNK = 1_000_000, 200_000

BUILD_SECONDS, BUILD_GIB, READING_RATIO, ROUNDS = 30, 4, 3, 2


# --- the files


def write_files(folder: Path, triples: int, seed: int = 0) -> None:
    """Both files, and their shape, last."""
    folder.mkdir(parents=True, exist_ok=True)
    generator, entities = np.random.default_rng(seed), round(triples * ENTITIES_PER_TRIPLE)
    numbers = np.cumsum(generator.integers(1, 2 * HIGHEST_ID // entities, entities))
    generator.shuffle(numbers)
    ids = pl.select(
        pl.concat_str(pl.lit("Q"), pl.Series("id", numbers, dtype=pl.Int32).cast(pl.String))
    ).to_series()
    namesakes = generator.choice(entities // 2, int(entities * HOMONYMS / 2), replace=False)
    with open(folder / TRIPLES, "wb") as file:
        for rows in _rows(generator, triples, ids, namesakes):
            rows.write_csv(file, include_header=False, separator="\t", quote_style="never")
    names = np.arange(entities)
    names[2 * namesakes + 1] = names[2 * namesakes]
    with open(folder / ENTITIES, "wb") as file:
        for start in range(0, entities, ENTITY_CHUNK):
            which = np.arange(start, min(start + ENTITY_CHUNK, entities))
            which = which[generator.random(len(which)) >= UNLABELLED]
            file.write(_entity_lines(ids.gather(which), names[which], which, _words(seed)).encode())
    sizes = {name: (folder / name).stat().st_size for name in (TRIPLES, ENTITIES)}
    (folder / SHAPE).write_text(json.dumps({"triples": triples, "entities": entities, "bytes": sizes}))


def _rows(
    generator: np.random.Generator, triples: int, ids: pl.Series, namesakes: np.ndarray
) -> Iterator[pl.DataFrame]:
    """Chunks of rows in random order; those of the 14 properties are spread over all of them."""
    chosen = np.concatenate(
        [_facts(generator, code, triples, len(ids), namesakes) for code in range(len(MIX))], axis=1
    ).T
    chosen = chosen[generator.permutation(len(chosen))]
    properties, shares = _properties()
    chunks = -(-triples // ROW_CHUNK)
    for portion, size in zip(
        np.array_split(chosen, chunks), np.diff(np.linspace(0, triples, chunks + 1).astype(int)), strict=True
    ):
        more = size - len(portion)
        others = np.stack(
            [
                _entities(generator, more, len(ids)),
                generator.choice(np.arange(len(MIX), PROPERTIES), more, p=shares),
                _entities(generator, more, len(ids), 3),
            ],
            axis=1,
        )
        rows = np.concatenate([portion, others])[generator.permutation(size)]
        yield pl.DataFrame(
            [
                ids.gather(rows[:, 0]).alias("subject"),
                properties.gather(rows[:, 1]).alias("property"),
                ids.gather(rows[:, 2]).alias("object"),
            ]
        )


def _facts(
    generator: np.random.Generator, code: int, triples: int, entities: int, namesakes: np.ndarray
) -> np.ndarray:
    """Subject, property and object of one of the 14 properties (3 x rows), with what is wrong with some."""
    percent, reversed_share, same_label, skew = list(MIX.values())[code]
    count = int(triples * percent / 100 / (1 + reversed_share))
    subject, object = _entities(generator, count, entities), _entities(generator, count, entities, skew)
    alike = generator.random(count) < same_label
    subject[alike] = 2 * generator.choice(namesakes, alike.sum())
    object[alike] = subject[alike] + 1
    itself = generator.random(count) < SAME_ENTITY
    object[itself] = subject[itself]
    facts = np.stack([subject, np.full(count, code), object]).astype(np.int32)
    twice = facts[:, generator.random(count) < STATED_TWICE]
    return np.concatenate([facts, twice, facts[::-1, generator.random(count) < reversed_share]], axis=1)


def _entities(generator: np.random.Generator, count: int, entities: int, skew: int = 1) -> np.ndarray:
    return (entities * generator.random(count) ** skew).astype(np.int32)


def _properties() -> tuple[pl.Series, np.ndarray]:
    """All property ids, the 14 first, and the share of each of the others among the rows of the others."""
    rest = random.Random(0).sample(
        [f"P{n}" for n in range(6, 6900) if f"P{n}" not in {*MIX, INSTANCE_OF}], PROPERTIES - len(MIX) - 1
    )
    shares = 1 / np.arange(4, 4 + len(rest))
    instances = INSTANCE_SHARE / (1 - sum(percent for percent, *_ in MIX.values()) / 100)
    return pl.Series([*MIX, INSTANCE_OF, *rest]), np.concatenate(
        [[instances], shares / shares.sum() * (1 - instances)]
    )


def _words(seed: int) -> pl.Series:
    """Words of syllables, some with accents, then words in another script."""
    draw = random.Random(seed)
    syllables = [
        a + b + c
        for a in ("", *"bcdfghjklmnprstvwz", "ch", "st", "br")
        for b in "aeiou"
        for c in ("", "", "n", "r", "l", "s")
    ]
    accents = str.maketrans("aeiouns", "áéíöüñš")
    words = [
        "".join(draw.choices(syllables, k=draw.choice((1, 2, 2, 3, 3)))).capitalize() for _ in range(WORDS)
    ]
    words = [word.translate(accents) if draw.random() < 0.03 else word for word in words]
    return pl.Series(
        words
        + [
            "".join(chr(draw.randrange(0x4E00, 0x9FA0)) for _ in range(draw.randint(2, 5)))
            for _ in range(OTHER_SCRIPT_WORDS)
        ]
    )


def _entity_lines(ids: pl.Series, names: np.ndarray, which: np.ndarray, words: pl.Series) -> str:
    """Id, label and aliases of each entity.

    What an entity is called depends on the number in ``names`` alone, its aliases on its own.
    """
    texts = 1 + ALIASES[_mixed(which) & 255]
    first, last = _ends(texts)
    called = _mixed(np.repeat(which, texts) * 64 + _nth(texts) + 2**40)
    called[first] = _mixed(names)
    other_script = (called >> 8) & 127 == 0
    lengths = np.where(other_script, 1, WORDS_OF_NAME[called & 255])
    word = _mixed((np.repeat(called, lengths) >> 16) + _nth(lengths))
    word = np.where(np.repeat(other_script, lengths), WORDS + word % OTHER_SCRIPT_WORDS, word % WORDS)
    first_word, last_word = _ends(lengths)
    before, after = np.zeros(len(word), dtype=np.int64), np.zeros(len(word), dtype=np.int64)
    before[first_word[first]] = np.arange(1, len(ids) + 1)
    after[last_word], after[last_word[last]] = 1, 2
    starts = pl.concat([pl.Series([""]), ids.rename("") + "\t"])
    return pl.select(
        pl.concat_str(
            starts.gather(before), words.gather(word), pl.Series([" ", "\t", "\n"]).gather(after)
        ).str.join("")
    ).item()


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers below 2**62 that look random and depend on the numbers given alone (splitmix64)."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(2)).astype(np.int64)


def _ends(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where groups of these lengths begin and end when they stand one after another."""
    ends = np.cumsum(lengths)
    return ends - lengths, ends - 1


def _nth(lengths: np.ndarray) -> np.ndarray:
    """0, 1, 2 ... within each group."""
    return np.arange(lengths.sum()) - np.repeat(_ends(lengths)[0], lengths)


# --- the two readers


def read_plainly(folder: Path, properties: tuple[str, ...]) -> TripleSource:
    """What ``Wikidata5MFolder.read`` returns, by a loop over the lines."""
    triples, dropped, chosen, known = [], Counter(), set(properties), set()
    with open(folder / TRIPLES, encoding="utf-8") as file:
        for line in file:
            subject, property, object = line.rstrip("\r\n").split("\t")
            if property not in known:
                known.add(_checked(property, PROPERTY_ID))
            if property in chosen:
                triples.append((_checked(subject, ENTITY_ID), property, _checked(object, ENTITY_ID)))
            else:
                dropped["other property"] += 1
    named, labels = {entity for subject, _, object in triples for entity in (subject, object)}, {}
    with open(folder / ENTITIES, encoding="utf-8") as file:
        for line in file:
            entity, label, *_ = line.rstrip("\r\n").split("\t", 2)
            if _checked(entity, ENTITY_ID) in named and (label := label.strip()):
                labels.setdefault(entity, label)
    return TripleSource(
        triple_frame(triples),
        label_frame(labels),
        len(triples) + dropped.total(),
        dropped,
        origin="plain Python",
    )


def _checked(id: str, pattern) -> str:
    if not pattern.fullmatch(id):
        raise ValueError(f"{id!r} is no id.")
    return id


def run_child(which: str, folder: Path, triples: int) -> None:
    """One step, in a process of its own; a reader prints its seconds, its peak memory, and what it found."""
    if which == "write":
        return write_files(folder, triples)
    started, cpu_started = time.perf_counter(), time.process_time()
    source = (
        read_plainly(folder, tuple(MIX))
        if which == "plain"
        else Wikidata5MFolder(str(folder)).read(tuple(MIX))
    )
    cost = Cost(
        time.perf_counter() - started,
        time.process_time() - cpu_started,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )
    found = {
        "read": source.read,
        "dropped": dict(source.dropped),
        "statements": source.triples.height,
        "labels": source.labels.height,
        "hashes": [table_hash(source.triples), table_hash(source.labels)],
    }
    print(json.dumps({"cost": asdict(cost), "found": found}))


# --- the measurement


@dataclass(frozen=True)
class Cost:
    """Wall time, time of all cores together, and peak memory of a process: only the first depends on what
    else the machine does.
    """

    seconds: float
    cpu_seconds: float
    gib: float


def ran(*command: str) -> tuple[Cost, str]:
    """What a command cost, and what it printed, errors included.

    Linux counts the parent's memory at the start as the child's, so all that is large is done in children.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"ended with code {process.returncode}: {' '.join(command)}\n{printed[-2000:]}")
    return Cost(
        time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
    ), printed


def build(folder: Path, out: Path) -> tuple[Cost, dict[str, str], Manifest]:
    """What a whole ``relsym build`` cost, the digests of the files that it wrote, and its manifest."""
    rmtree(out, ignore_errors=True)
    cost, _ = ran(
        "-m",
        "relsym",
        "build",
        "benchmark=paper",
        "data=wikidata5m",
        f"data.folder={folder}",
        f"hydra.run.dir={out}",
    )
    files = sorted([*out.glob(f"{DATA}/*.parquet"), out / CARD, out / MANIFEST])
    return cost, {path.name: file_sha256(path) for path in files}, read_manifest(out / MANIFEST)


def child(which: str, folder: Path) -> tuple[Cost, dict]:
    """What a reader cost, and what it found."""
    told = json.loads(ran(__file__, "--child", which, "--folder", str(folder))[1].splitlines()[-1])
    return Cost(**told["cost"]), told["found"]


def measure(folder: Path, thorough: bool) -> tuple[list[Cost], Manifest, list[tuple]]:
    """The builds at one size, the manifest, and, if ``thorough``, the rows that compare them with
    the bars.
    """
    builds, written, readers = [], [], {"reading": [], "plain": []}
    for number in range(ROUNDS if thorough else 1):
        cost, files, manifest = build(folder, folder / f"out-{number}")
        builds.append(cost)
        written.append((files, manifest.content_hash))
        for which in readers if thorough else ():
            readers[which].append(child(which, folder))
    same("two builds", written)
    same("the two readers", [found for runs in readers.values() for _, found in runs])
    return builds, manifest, _against_bars(builds, readers) if thorough else []


def same(what: str, results: list) -> None:
    """Stop unless all of these are equal."""
    if any(result != results[0] for result in results):
        sys.exit(f"{what} differ: {results}")


def _against_bars(builds: list[Cost], readers: dict[str, list[tuple[Cost, dict]]]) -> list[tuple]:
    costs = {
        "relsym build, whole": builds,
        **{which: [cost for cost, _ in runs] for which, runs in readers.items()},
    }
    base = median(cost.seconds for cost in costs["plain"])
    ratio = base / median(cost.seconds for cost in costs["reading"])
    bars = {
        "relsym build, whole": f"at most {BUILD_SECONDS} s and {BUILD_GIB} GiB (at 21 million)",
        "reading": f"{READING_RATIO} times plain",
    }
    names = {"reading": "its reading stage alone", "plain": "the same in plain Python"}
    return [
        (
            names.get(which, which),
            ", ".join(f"{cost.seconds:.1f}" for cost in each),
            ", ".join(f"{cost.cpu_seconds:.1f}" for cost in each),
            f"{max(cost.gib for cost in each):.2f}",
            f"{ratio:.1f}" if which == "reading" else "",
            bars.get(which, ""),
        )
        for which, each in costs.items()
    ]


def _growth(sizes: list[float], costs: list[Cost], manifests: list[Manifest]) -> list[tuple]:
    """Seconds by size; if the cost is linear, each further million takes the same time."""
    rows, before = [], (0.0, 0.0)
    for size, cost, manifest in zip(sizes, costs, manifests, strict=True):
        further = f"{(cost.seconds - before[1]) / (size - before[0]):.2f}" if rows else ""
        rows.append(
            (
                f"{size:g}",
                f"{cost.seconds:.1f}",
                f"{cost.seconds / size:.2f}",
                further,
                f"{cost.cpu_seconds / size:.2f}",
                f"{cost.gib:.2f}",
                f"{manifest.source.facts_kept:,}",
                f"{manifest.examples:,}",
            )
        )
        before = (size, cost.seconds)
    return rows


def run(sizes: list[float], folder: Path, keep: bool) -> None:
    """Everything; prints the tables."""
    print(
        f"# relsym build at Wikidata5M's size\n\n{os.cpu_count()} cores ({platform.machine()}), load "
        f"{os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, polars {pl.__version__}\n",
        flush=True,
    )
    costs, manifests = [], []
    for size in sizes:
        files = folder / f"{size:g}m"
        made = not (files / SHAPE).exists()
        if made:
            ran(__file__, "--child", "write", "--folder", str(files), "--sizes", str(size))
        builds, manifest, table = measure(files, thorough=size == sizes[-1])
        costs.append(Cost(*(median(values) for values in zip(*map(astuple, builds), strict=True))))
        manifests.append(manifest)
        shape = json.loads((files / SHAPE).read_text())
        for left in [files] if made and not keep else files.glob("out-*"):
            rmtree(left)
    print(
        f"{shape['triples']:,} triples ({shape['bytes'][TRIPLES] / 1e6:.0f} MB), {shape['entities']:,} "
        "entities "
        f"({shape['bytes'][ENTITIES] / 1e6:.0f} MB); {ROUNDS} rounds in turn\n"
    )
    print(
        markdown(
            ("what", "seconds", "CPU seconds", "peak memory, GiB", "times as fast as plain Python", "bar"),
            table,
        )
    )
    print(
        f"{ROUNDS} builds equal byte for byte (Parquet, card, manifest); content hash "
        f"{manifest.content_hash}; both readers found the same\n"
    )
    print(
        markdown(
            (
                "million triples",
                "seconds",
                "seconds per million",
                "seconds per further million",
                "CPU seconds per million",
                "peak memory, GiB",
                "facts kept",
                "examples (of 400,000)",
            ),
            _growth(sizes, costs, manifests),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=float, nargs="+", default=[1, 5, 10, 21], metavar="N", help="million triples"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(gettempdir()) / "relsym_build",
        help="where the files are made, a GB for 21 million",
    )
    parser.add_argument("--keep", action="store_true", help="leave the files for the next run")
    parser.add_argument("--child", choices=("write", "reading", "plain"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if missing := set(read_relations()) ^ set(MIX):
        parser.error(f"MIX and the paper's properties differ in {', '.join(sorted(missing))}")
    if arguments.child:
        return run_child(arguments.child, arguments.folder, round(arguments.sizes[0] * 1e6))
    run(sorted(arguments.sizes), arguments.folder, arguments.keep)


if __name__ == "__main__":
    main()
