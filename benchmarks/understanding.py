"""Understanding against look-up, on real triples: the four benchmarks, two objectives, three metrics, two
sample counts.

    python benchmarks/understanding.py --data-folder PATH --out outputs/understanding

Builds paper, contrast, held_out and extended from the folder, retrains the bundled encoder on each, and
prints one table: accuracy on paper and extended, group accuracy on contrast, the headline on held-out
relations, each with the shortcuts beside it. ``--folds loo- pair-`` adds the headline over all relations,
each held out in its turn, and over the eight fixed pairs; ``--all-variants 392`` contrast groups for training
rows that ask everything too. ``--figure FILE`` draws the table's first sample count. Runs that ended are
kept, so it can be repeated after a break.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from matplotlib.figure import Figure

from relsym.report.tables.readers import headline
from relsym.report.wording import percent
from relsym.runs.layout import MANIFEST
from relsym.runs.manifest import read_manifest
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import TrainResults
from runs import markdown, run_once

BENCHMARKS = {"paper": (), "contrast": (), "held_out": ("data.fold=fixed",), "extended": ()}
ROWS = {"contrast": 1400}
CASES = [
    (objective, metric)
    for objective in ("random_label", "knn")
    for metric in ("hadamard", "rotate", "cosine")
]
ALL_VARIANTS = (("random_label", "hadamard"), ("knn", "hadamard"), ("finetune", "none"))
FORMS = ("lexicalised", "delexicalised")


def build(name: str, data_folder: str, out: Path) -> Path:
    folder = out / "benchmarks" / name
    if not (folder / MANIFEST).exists():
        subprocess.run(
            [
                sys.executable,
                "-m",
                "relsym",
                "build",
                f"benchmark={name}",
                "data=wikidata5m",
                f"data.folder={data_folder}",
                f"hydra.run.dir={folder}",
            ],
            check=True,
        )
    return folder


def trained(
    name: str, folder: Path, out: Path, objective: str, metric: str, samples: int, *further: str
) -> TrainResults:
    words = [word.split("=")[1] for word in further]
    return run_once(
        out / "runs" / "-".join([name, objective, metric, str(samples), *words]),
        "data=built",
        f"data.folder={folder}",
        f"objective={objective}",
        f"metric={metric}",
        f"data.samples={samples}",
        f"data.test_pairs={ROWS.get(name, 1000)}",
        *further,
    )


def cell(name: str, results: TrainResults, reader: str, form: str) -> str:
    """Accuracy; group accuracy of both kinds, the lower one first; or the headline."""
    if name == "contrast":
        key = f"{measure_of(reader, 'groups')}/{form}"
        kinds = {kind: 100 * results.metrics[f"{key}/{kind}"] for kind in ("symmetric", "antisymmetric")}
        return " / ".join(
            f"{share:.1f} {kind[:4]}." for kind, share in sorted(kinds.items(), key=lambda item: item[1])
        )
    return f"{value(name, results, reader, form):.2f}"


def row(title: str, samples: int, found: dict[str, TrainResults], reader: str) -> tuple[str, ...]:
    return (
        title,
        str(samples),
        *(" , ".join(cell(name, results, reader, form) for form in FORMS) for name, results in found.items()),
    )


def folded(
    prefix: str, folder: Path, out: Path, objective: str, metric: str, samples: int
) -> tuple[str, ...]:
    """The headline over several folds, of the model and of the best shortcut: the mean over both kinds of the
    mean over their relations.

    ``loo-``: each relation held out in its turn.  ``pair-``: the pairs that the benchmark fixes, one relation
    of each kind.
    """
    manifest = read_manifest(folder / MANIFEST)
    names = manifest.trained_pairs
    if prefix == "loo-":
        names = [fold for fold in manifest.folds if fold.startswith(prefix)]
    runs = [
        trained("held_out", folder, out, objective, metric, samples, f"data.fold={fold}") for fold in names
    ]
    ours = [percent(headline("test/accuracy", form, runs)) for form in FORMS]
    best = [best_shortcut(form, runs) for form in FORMS]
    return (f"{objective} ({metric})", str(samples), *ours, *best)


def best_shortcut(form: str, runs: list[TrainResults]) -> str:
    """The shortcut with the highest headline over these runs, and its name."""
    share, title = max((headline(key, form, runs), reader.title) for key, reader in runs[0].shortcuts.items())
    return f"{percent(share)} ({title})"


def on_all_variants(folder: Path, out: Path, samples: int) -> list[tuple[str, ...]]:
    """Contrast groups where training rows ask everything too, so that a look-up of templates has seen all."""
    lines = []
    for objective, metric in ALL_VARIANTS:
        results = trained("contrast", folder, out, objective, metric, samples, "data.train_variants=null")
        shown = ("shortcut/template_lookup", "shortcut/bag_of_words") if not lines else ()
        readers = {key: results.readers[key].title for key in shown}
        readers["test/accuracy"] = f"{objective} ({metric})"
        for reader, title in readers.items():
            cells = [cell("contrast", results, reader, form) for form in FORMS]
            lines.append((title, str(samples), *cells))
    return lines


def value(name: str, results: TrainResults, reader: str, form: str) -> float:
    """What the figure shows: of groups, the lower one of the kinds."""
    measure = {"contrast": "groups", "held_out": "macro"}.get(name, "accuracy")
    return 100 * results.metrics[f"{measure_of(reader, measure)}/{form}"]


def draw(path: Path, samples: int, readers: list[tuple[str, dict[str, TrainResults], str]]) -> None:
    """One panel for each benchmark, one line for each reader, both forms."""
    titles = {
        "paper": "paper: accuracy",
        "contrast": "contrast: groups, lower kind",
        "held_out": "held_out fixed: headline",
        "extended": "extended: accuracy",
    }
    figure = Figure(figsize=(13, 1.4 + 0.36 * len(readers)), layout="constrained")
    panels = figure.subplots(1, len(titles), sharey=True)
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        for form, marker, colour, offset in (
            ("lexicalised", "o", "#1b6ca8", -0.12),
            ("delexicalised", "D", "#d9822b", 0.12),
        ):
            axes.plot(
                [value(name, found[name], reader, form) for _, found, reader in readers],
                [row + offset for row in range(len(readers))],
                marker=marker,
                color=colour,
                linestyle="",
                label=form if name == "paper" else None,
            )
        axes.axvline(0 if name == "contrast" else 50, color="grey", linestyle="--", linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlim(-4, 104)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel("%")
    panels[0].set_yticks(range(len(readers)), [title for title, _, _ in readers])
    panels[0].invert_yaxis()
    figure.suptitle(f"{samples} training rows, one seed; dashed: one constant answer", fontsize=10)
    figure.legend(loc="outside lower right", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, nargs="+", default=[64, 400])
    parser.add_argument("--folds", choices=("loo-", "pair-"), nargs="*", default=[])
    parser.add_argument("--objectives", nargs="+", default=["random_label", "knn"], help="for --folds")
    parser.add_argument("--all-variants", type=int, metavar="SAMPLES")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    folders = {name: build(name, arguments.data_folder, arguments.out.resolve()) for name in BENCHMARKS}
    lines, readers = [], []
    for samples in arguments.samples:
        for number, (objective, metric) in enumerate(CASES):
            found = {
                name: trained(name, folders[name], arguments.out, objective, metric, samples, *further)
                for name, further in BENCHMARKS.items()
            }
            shortcuts = found["paper"].shortcuts if number == 0 else {}
            shown = [(reader.title, found, key) for key, reader in shortcuts.items()]
            lines += [row(title, samples, results, key) for title, results, key in shown]
            shown.append((f"{objective} ({metric})", found, "test/accuracy"))
            lines.append(row(f"**{objective} ({metric})**", samples, found, "test/accuracy"))
            readers += shown if samples == arguments.samples[0] else []
    if arguments.figure:
        draw(arguments.figure, arguments.samples[0], readers)
    print("Lexicalised , delexicalised, in %; one seed.\n")
    print(
        markdown(
            (
                "reader",
                "samples",
                "paper: accuracy",
                "contrast: groups right, by kind",
                "held_out fixed: headline",
                "extended: accuracy",
            ),
            lines,
        )
    )
    for prefix in arguments.folds:
        print(
            {
                "loo-": "Every relation held out in its turn.\n",
                "pair-": "The eight fixed pairs of relations.\n",
            }[prefix]
        )
        print(
            markdown(
                ("reader", "samples", *FORMS, *(f"best shortcut, {form}" for form in FORMS)),
                [
                    folded(
                        prefix,
                        folders["held_out"],
                        arguments.out,
                        objective,
                        "hadamard",
                        arguments.samples[0],
                    )
                    for objective in arguments.objectives
                ],
            )
        )
    if arguments.all_variants:
        print("Trained on all variants of each fact.\n")
        print(
            markdown(
                ("reader", "samples", *FORMS),
                on_all_variants(folders["contrast"], arguments.out, arguments.all_variants),
            )
        )


if __name__ == "__main__":
    main()
