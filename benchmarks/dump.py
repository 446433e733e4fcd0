"""Seconds and memory of the two passes over a Wikidata JSON dump, beside ``gzip -dc`` of the same file.

    python benchmarks/dump.py --folder PATH
    python benchmarks/dump.py --folder PATH --gb 1 --rounds 3

Writes PATH/dump_5gb.json.gz (or of another size) if it is not there, then measures.

The dump is made up, seeded, and shaped like the real one: entities of 3 to 22 KB (98 of 100) with labels,
descriptions and aliases in many languages, sitelinks, and 2 to 23 properties (7 on average) with qualifiers,
references and hashes; a fifth of the entities have statements of the 14 properties. What the reader found is
compared with what was written. Each measurement is a process of its own; memory is its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import BinaryIO

import polars as pl

from relsym.data.relations import read_relations
from relsym.data.sources.dump_json import JsonDump
from runs import markdown

POOL = 400
ENTITY_BYTES = 9_400
SHARE_WITH_CHOSEN = 0.2
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзиклмнопрстуфхцчшя",
    "的一是不了人我在有他这中大来上国",
    "αβγδεζηθικλμνοπρστυφχψω",
    "ابتثجحخدذرزسشصضطظعغ",
)
QUALIFIERS = ("P580", "P582", "P585", "P1810", "P518", "P1932", "P3831")
LANGUAGES = re.findall(
    r"\S+",
    """
    ar az be bg bn ca cs cy da de el eo es et eu fa fi fr gl he hi hr hu hy id is it ja ka kk ko la lt lv mk
    ms nb nl nn oc pl pt pt-br ro ru sh sk sl sq sr sv sw ta te th tr uk ur uz vi zh zh-hans zh-hant""",
)
# Ranks and snaks of a group of statements, with what becomes of each: None is kept.
GROUPS: tuple[tuple[float, tuple[tuple[str, str, str | None], ...]], ...] = (
    (70, (("normal", "item", None),)),
    (14, (("normal", "item", None), ("normal", "item", None))),
    (4, (("normal", "item", None), ("normal", "item", None), ("normal", "item", None))),
    (5, (("preferred", "item", None), ("normal", "item", "not best rank"))),
    (3, (("deprecated", "item", "deprecated"), ("normal", "item", None))),
    (1, (("normal", "novalue", "no value"),)),
    (2, (("normal", "somevalue", "some value"), ("normal", "item", None))),
    (1, (("normal", "property", "not an item"),)),
)


# --- the dump


class Maker:
    """Entities in the shape of Wikidata's, made of fragments from pools; neighbours resemble each other, as
    those that one bot made do.
    """

    def __init__(self, entities: int, seed: int = 0) -> None:
        self.draw, self.entities = random.Random(seed), entities
        self.words = [
            ["".join(self.draw.choices(letters, k=self.draw.randint(2, 9))) for _ in range(4000)]
            for letters in ALPHABETS
        ]
        self.chosen = list(read_relations())
        self.others = self.draw.sample(
            [f"P{n}" for n in range(1400, 9000) if f"P{n}" not in self.chosen], 120
        )
        self.popular = {
            property: [self._snak(property) for _ in range(4)]
            for property in (*self.others, *QUALIFIERS, *self.chosen)
        }
        self.claims = {property: [self._claims(property) for _ in range(POOL)] for property in self.others}
        self.tails = [self._tail() for _ in range(10 * POOL)]
        self.references = [self._reference() for _ in range(POOL)]
        self.terms = [self._terms() for _ in range(POOL)]
        self.sitelinks = [self._sitelinks() for _ in range(POOL)]
        self.kept, self.dropped = 0, Counter()
        self.named, self.labelled = (
            bytearray(entities + entities // 50 + 2),
            bytearray(entities + entities // 50 + 2),
        )
        self._turn()

    def entity(self, number: int) -> str:
        """One line of the dump, without its comma."""
        draw = self.draw
        if draw.random() < 0.04:
            self._turn()
        name = self._text(2, 0).title()
        claims = [
            draw.choice(self.claims[property])
            for property in draw.sample(self.properties, draw.randint(2, len(self.properties)))
        ]
        if draw.random() < SHARE_WITH_CHOSEN:
            groups = [
                self._chosen(number, property)
                for property in draw.sample(self.chosen, draw.choice((1, 1, 1, 2, 3)))
            ]
            claims[len(claims) // 2 : len(claims) // 2] = groups
        return (
            (
                f'{{"type":"item","id":"Q{number}","labels":{{{self._label(number)}{self.labels}}},'
                f'{self.descriptions},"claims":{{{",".join(claims)}}},{draw.choice(self.sitelinks)},'
                f'"lastrevid":{draw.randrange(10**9, 2 * 10**9)}}}'
            )
            .replace("Q0$", f"Q{number}$")
            .replace("@name", name)
            .replace("@reference", self.reference)
        )

    def expected(self) -> dict[str, object]:
        """What a reader has to find."""
        return {
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "labels": sum(n & la for n, la in zip(self.named, self.labelled, strict=True)),
        }

    def _turn(self) -> None:
        """Another kind of entity: what the next few have in common."""
        self.labels, self.descriptions = self.draw.choice(self.terms)
        self.properties = self.draw.sample(self.others, self.draw.randint(3, 20))
        self.reference = self.draw.choice(self.references)

    def _text(self, words: int, script: int | None = None) -> str:
        return " ".join(
            self.draw.choices(
                self.words[self.draw.randrange(len(ALPHABETS)) if script is None else script], k=words
            )
        )

    def _hex(self, digits: int) -> str:
        return f"{self.draw.getrandbits(4 * digits):0{digits}x}"

    def _label(self, number: int) -> str:
        language = self.draw.choices(("en", "mul", None), (90, 8, 2))[0]
        self.labelled[number] = language is not None
        return f'"{language}":{{"language":"{language}","value":"@name"}},' if language else ""

    def _terms(self) -> tuple[str, str]:
        draw = self.draw
        labels = ",".join(
            f'"{la}":{{"language":"{la}","value":"{"@name" if draw.random() < 0.8 else self._text(2)}"}}'
            for la in draw.sample(LANGUAGES, draw.randint(3, 40))
        )
        described = ",".join(
            f'"{la}":{{"language":"{la}","value":"{self._text(3)}"}}'
            for la in draw.sample(LANGUAGES, draw.randint(2, 40))
        )
        aliases = ",".join(
            f'"{la}":[{{"language":"{la}","value":"{self._text(2)}"}}]'
            for la in draw.sample(LANGUAGES, draw.randint(0, 6))
        )
        return labels, f'"descriptions":{{{described}}},"aliases":{{{aliases}}}'

    def _sitelinks(self) -> str:
        sites = [
            f"{language.replace('-', '_')}wiki"
            for language in self.draw.sample(LANGUAGES, self.draw.choice((0, 0, 1, 2, 10)))
        ]
        return (
            '"sitelinks":{'
            + ",".join(f'"{site}":{{"site":"{site}","title":"@name","badges":[]}}' for site in sites)
            + "}"
        )

    def _snak(self, property: str) -> str:
        kind, number = self.draw.choice(("item", "item", "string", "time")), self.draw.randrange(1, 10**8)
        value, type, datatype = {
            "item": (
                f'{{"entity-type":"item","numeric-id":{number},"id":"Q{number}"}}',
                "wikibase-entityid",
                "wikibase-item",
            ),
            "string": (f'"{self._text(2, 0)}"', "string", "external-id"),
            "time": (
                f'{{"time":"+{self.draw.randint(1000, 2024)}-00-00T00:00:00Z","timezone":0,"before":0,'
                '"after":0,"precision":9,"calendarmodel":"http://www.wikidata.org/entity/Q1985727"}',
                "time",
                "time",
            ),
        }[kind]
        return (
            f'{{"snaktype":"value","property":"{property}","hash":"{self._hex(40)}","datavalue":{{"value":{value},"type":"{type}"}},'
            f'"datatype":"{datatype}"}}'
        )

    def _claims(self, property: str) -> str:
        snaks = [
            self.draw.choice(self.popular[property]) if self.draw.random() < 0.6 else self._snak(property)
            for _ in range(self.draw.choice((1, 1, 1, 2)))
        ]
        statements = [
            f'{{"mainsnak":{snak},"type":"statement",{self._tail()},"rank":"normal"}}' for snak in snaks
        ]
        return f'"{property}":[{",".join(statements)}]'

    def _tail(self) -> str:
        """What a statement has besides its snak and its rank."""
        identity = "-".join(self._hex(digits) for digits in (8, 4, 4, 4, 12)).upper()
        parts = [f'"id":"Q0${identity}"']
        if self.draw.random() < 0.3:
            qualifier = self.draw.choice(QUALIFIERS if self.draw.random() < 0.98 else self.chosen)
            parts.append(
                f'"qualifiers":{{"{qualifier}":[{self.draw.choice(self.popular[qualifier])}]}},"qualifiers-order":["{qualifier}"]'
            )
        return ",".join((*parts, '"references":[@reference]') if self.draw.random() < 0.6 else parts)

    def _reference(self) -> str:
        source = self.draw.choice(("P248", "P143", "P854"))
        return (
            f'{{"hash":"{self._hex(40)}","snaks":{{"{source}":[{self._snak(source)}],"P813":[{self._snak("P813")}]}},'
            f'"snaks-order":["{source}","P813"]}}'
        )

    def _chosen(self, number: int, property: str) -> str:
        weights, groups = zip(*GROUPS, strict=True)
        made = []
        for rank, kind, fate in self.draw.choices(groups, weights)[0]:
            target = self.draw.randrange(1, len(self.named))
            made.append(
                f'{{"mainsnak":{self._mainsnak(property, kind, target)},"type":"statement",'
                f'{self.draw.choice(self.tails)},"rank":"{rank}"}}'
            )
            if fate:
                self.dropped[fate] += 1
            else:
                self.kept += 1
                self.named[number] = self.named[target] = 1
        return f'"{property}":[{",".join(made)}]'

    def _mainsnak(self, property: str, kind: str, target: int) -> str:
        head = f'"property":"{property}","hash":"{self._hex(40)}"'
        if kind in ("novalue", "somevalue"):
            return f'{{"snaktype":"{kind}",{head},"datatype":"wikibase-item"}}'
        letter = {"item": "Q", "property": "P"}[kind]
        return (
            f'{{"snaktype":"value",{head},"datavalue":{{"value":{{"entity-type":"{kind}","numeric-id":{target},"id":"{letter}{target}"}},'
            f'"type":"wikibase-entityid"}},"datatype":"wikibase-{kind}"}}'
        )


@contextmanager
def gzipped(path: Path) -> Iterator[BinaryIO]:
    """A stream into ``gzip``, a process of its own."""
    with (
        open(path, "wb") as out,
        subprocess.Popen(["gzip", "-6"], stdin=subprocess.PIPE, stdout=out) as process,
    ):
        yield process.stdin
        process.stdin.close()
        if process.wait():
            raise OSError(f"gzip ended with code {process.returncode}.")


def write_dump(path: Path, size: int) -> None:
    """A dump of about ``size`` bytes, and beside it what a reader has to find in it."""
    entities = max(1, size // ENTITY_BYTES)
    maker, written = Maker(entities), 2
    with gzipped(path) as out:
        out.write(b"[\n")
        for number in range(1, entities + 1):
            line = maker.entity(number).encode() + (b",\n" if number < entities else b"\n")
            written += out.write(line)
        written += out.write(b"]\n")
    path.with_suffix(".expected").write_text(
        json.dumps({"bytes": written, "entities": entities, **maker.expected()})
    )


# --- the measurement


def run_pass(path: Path, which: str) -> None:
    """One pass, in a process of its own; prints what it found, its seconds and its peak memory."""
    dump, items = JsonDump(path, skip_bad_rows=False), path.with_suffix(".items.parquet")
    started = time.perf_counter()
    if which == "statements":
        triples, dropped = dump.statements(tuple(read_relations()))
        found = {"kept": triples.height, "dropped": dict(dropped)}
    else:
        found = {"labels": dump.labels(pl.read_parquet(items)["item"], ("en", "mul")).height}
    seconds = time.perf_counter() - started
    if which == "statements":
        pl.concat([triples["subject"], triples["object"]]).unique().alias("item").to_frame().write_parquet(
            items
        )
    print(
        json.dumps(
            {
                "found": found,
                "seconds": seconds,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


def child(path: Path, which: str) -> dict[str, object]:
    """What ``run_pass`` prints."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", which, str(path)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return json.loads(done.stdout)


def gzip_seconds(path: Path) -> float:
    """Seconds of ``gzip -dc`` into nothing."""
    started = time.perf_counter()
    subprocess.run(["gzip", "-dc", str(path)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(path: Path, rounds: int) -> str:
    """A table of the three, in turn; stops if the reader found something else than was written."""
    written = json.loads(path.with_suffix(".expected").read_text())
    times: dict[str, list[float]] = {"gzip -dc": [], "statements": [], "labels": []}
    memory = {"gzip -dc": 0, "statements": 0, "labels": 0}
    for _ in range(rounds):
        times["gzip -dc"].append(gzip_seconds(path))
        for which in ("statements", "labels"):
            ran = child(path, which)
            times[which].append(ran["seconds"])
            memory[which] = max(memory[which], ran["memory"])
            check(ran["found"], written)
    base = median(times["gzip -dc"])
    rows = [
        (
            name,
            f"{median(each):.1f}",
            f"{median(each) / base:.2f}",
            f"{written['bytes'] / median(each) / 1e6:.0f}",
            f"{memory[name] / 2**20:.0f}" if memory[name] else "",
        )
        for name, each in times.items()
    ]
    return markdown(("pass", "seconds (median)", "ratio to gzip -dc", "MB/s", "peak memory, MiB"), rows)


def check(found: dict[str, object], written: dict[str, object]) -> None:
    """Stop if these are not the numbers written."""
    expected = {key: written[key] for key in found}
    if found != expected:
        sys.exit(f"the reader found {found}, but the dump holds {expected}.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, help="where the compressed dump is kept; it takes about a tenth of --gb"
    )
    parser.add_argument(
        "--gb", type=float, default=5.0, help="size of the dump before compression, in 10^9 bytes"
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("PASS", "DUMP"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return run_pass(Path(arguments.child[1]), arguments.child[0])
    if not arguments.folder:
        parser.error("--folder is missing: where to write the dump")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / f"dump_{arguments.gb:g}gb.json.gz"
    if not path.with_suffix(".expected").exists():
        write_dump(path, int(arguments.gb * 1e9))
    written = json.loads(path.with_suffix(".expected").read_text())
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {written['entities']} entities, "
        f"{written['bytes'] / 1e9:.2f} GB, "
        f"compressed to {path.stat().st_size / 1e9:.2f} GB; {written['kept']} statements to keep, "
        f"{sum(written['dropped'].values())} to drop, {written['labels']} labels\n"
    )
    print(measure(path, arguments.rounds))


if __name__ == "__main__":
    main()
