"""An index of a million statements: how fast it is searched, how well, and what it takes.

    python benchmarks/memory.py --run RUN [--count 1000000] [--kinds flat ivf hnsw]

The vectors are made up after those that the run gives to the premises of its scored rows: normal, with their
covariance, in groups of ten that say the same, or the opposite, of one fact. A million statements would take
an hour to encode, and what a search costs depends on their shape alone. Queries are further sentences about
facts of the index.

Prints for each kind: how wide it searches, seconds to build, size, seconds to load (mapped into memory),
milliseconds for one query alone, how often flat's speed that is, recall of the five nearest and of the five
most opposed, and the peak memory of a process that has loaded it and answered.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from relsym import SymmetryModel
from relsym.retrieval.vector_search import INDEX_KINDS, VectorSearch
from runs import markdown

QUERIES = 200
SAID = 10  # statements of a fact
NOISE = 0.3  # of the length of a fact's vector: cosines of what says the same are about 0.9
BLOCK = 50_000


def covariance_root(run: Path) -> np.ndarray:
    """A square root [dim dim] of the covariance of the run's vectors."""
    texts = pl.read_parquet(run / "predictions.parquet")["premise"].unique(maintain_order=True)
    vectors = SymmetryModel.load(run).encode(texts.to_list()[:4000], normalize=True)
    values, directions = np.linalg.eigh(np.cov(vectors.T))
    return (directions * np.sqrt(values.clip(min=0))).astype(np.float32)


def drawn(root: np.ndarray, rows: int, random: np.random.Generator) -> np.ndarray:
    return random.normal(size=(rows, len(root))).astype(np.float32) @ root.T


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def statements(facts: np.ndarray, root: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A statement of each fact, half of them denying it."""
    signs = random.choice([-1, 1], size=(len(facts), 1)).astype(np.float32)
    return unit(signs * facts + NOISE * drawn(root, len(facts), random))


def measured(
    path: Path, kind: str, queries: Path, dim: int, count: int
) -> tuple[float, float, float, np.ndarray, np.ndarray]:
    """Load an index and ask it, in a process of its own: seconds, milliseconds, GiB, and what was found."""
    code = (
        "import sys, time, numpy as np\n"
        "from pathlib import Path\n"
        "from relsym.retrieval.vector_search import VectorSearch\n"
        "path, kind, queries, dim, count, out = sys.argv[1:]\n"
        "queries = np.load(queries)\n"
        "import faiss\n"
        "start = time.perf_counter()\n"
        "search = VectorSearch.read(Path(path), kind, int(dim), int(count))\n"
        "loaded = time.perf_counter() - start\n"
        "search.nearest(queries[:20], 5)\n"  # what is read first comes from the disk
        "start = time.perf_counter()\n"
        "near = np.stack([search.nearest(query[None], 5).cosines[0] for query in queries])\n"
        "took = (time.perf_counter() - start) / len(queries)\n"
        "far = search.most_opposed(queries, 5).cosines\n"
        # Not getrusage: that counts what the process had before this program was started in it.
        "[line] = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "gib = int(line.split()[1]) / 2**20\n"
        "np.savez(out, near=near, far=far, figures=[loaded, 1000 * took, gib])\n"
    )
    with tempfile.NamedTemporaryFile(suffix=".npz") as out:
        words = [path, kind, queries, dim, count, out.name]
        subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True)
        answers = np.load(out.name)
        return *answers["figures"].tolist(), answers["near"], answers["far"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", choices=INDEX_KINDS, default=list(INDEX_KINDS))
    parser.add_argument("--recall", type=float, default=0.99)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    root = covariance_root(arguments.run)
    dim, count = len(root), arguments.count
    facts = drawn(root, count // SAID, random)
    lines, of_flat = [], None
    with tempfile.TemporaryDirectory() as folder:
        blocks = []
        for start in range(0, count, BLOCK):
            places = np.arange(start, min(start + BLOCK, count)) % len(facts)
            path = Path(folder, f"{start}.npy")
            np.save(path, statements(facts[places], root, random))
            blocks.append(np.load(path, mmap_mode="r"))
        queries = Path(folder, "queries.npy")
        np.save(queries, statements(facts[random.integers(len(facts), size=QUERIES)], root, random))
        for kind in dict.fromkeys(["flat", *arguments.kinds]):
            start = time.perf_counter()
            search, _ = VectorSearch.build(blocks, kind, arguments.recall)
            built = time.perf_counter() - start
            path = Path(folder, kind)
            search.write(path)
            width = search.width
            del search
            loaded, took, gib, near, far = measured(path, kind, queries, dim, count)
            if of_flat is None:
                of_flat = took, near, far
            flat_took, exact_near, exact_far = of_flat
            recall_near = (near >= exact_near[:, -1:] - 1e-5).mean()
            recall_far = (far <= exact_far[:, -1:] + 1e-5).mean()
            cells = (
                kind,
                width,
                f"{built:.0f}",
                f"{path.stat().st_size / 2**30:.2f}",
                f"{loaded:.3f}",
                f"{took:.2f}",
                f"{flat_took / took:.1f}",
            )
            lines.append((*cells, f"{recall_near:.3f}", f"{recall_far:.3f}", f"{gib:.1f}"))
            print(f"{kind}: done", file=sys.stderr)
            path.unlink()
    header = (
        "kind",
        "width",
        "built in s",
        "GiB on disk",
        "loaded in s",
        "ms a query",
        "times flat",
        "recall@5",
        "of opposed",
        "GiB",
    )
    print(f"{count:,} vectors of {dim} channels.\n")
    print(markdown(header, lines))


if __name__ == "__main__":
    main()
