"""Write ``sides.yaml`` of the bank of relations: which relations train, validate and test.

    python scripts/draw_sides.py

Run it before the first training on a bank and never after: figures on other sides are no longer comparable.
It refuses to overwrite the file; remove it first where the bank itself has changed. The last line of the file
is the hash of the whole bank, which a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

import relsym
from relsym.data.bank_sides import BANK_HASH, RELATION_SIDES, SIDES_FILE, bank_hash, draw_sides
from relsym.data.relation_bank import read_bank
from relsym.data.relations import read_relations

# Of the properties that extended.yaml leaves out for later tests, and of what means the same.
LEFT_OUT = (
    "marriage",
    "twin_towns",
    "romantic_partner",
    "teammate",
    "partnership",
    "parent_taxon",
    "subsidiary",
    "author",
    "owner",
    "administrative_part",
    "capital",
)


def main() -> None:
    """Draw the sides and write them."""
    path = Path(relsym.__file__).parent / "data" / "bank" / SIDES_FILE
    if path.exists():
        sys.exit(
            f"{path} is there already: figures on other sides are not comparable. Remove it to draw anew."
        )
    bank = read_bank()
    sides = draw_sides(bank.drawn(), bank.families, list(read_relations("paper")), LEFT_OUT)
    lines = [
        "# Written by scripts/draw_sides.py. No relation changes its side once something was trained on it."
    ]
    for side in RELATION_SIDES:
        names = [name for name in bank.drawn() if sides[name] == side]
        lines.append(f"{side}:")
        lines += [f"- {name}" for name in names]
    lines.append(f"{BANK_HASH}: {bank_hash(bank.drawn(), bank.families, sides)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path}: {len(sides)} relations")


if __name__ == "__main__":
    main()
