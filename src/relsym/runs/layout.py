"""Names of the files that relsym writes, each in one place."""

from __future__ import annotations

# A run folder, of ``relsym train`` or ``relsym evaluate``; one of an evaluation has no encoder, probe,
# memory and forgetting.
RESULTS = "results.json"
CONFIG = "config.yaml"
ENCODER = "encoder"
LOW_RANK = "low_rank.safetensors"  # of a run that was made small, in place of its encoder
PROBE = "probe.safetensors"
MEMORY = "memory.parquet"
ADDED_LABELS = "labels"  # the folder of the labels that were added after training
PREDICTIONS = "predictions.parquet"
RATED = "rated.parquet"  # of an evaluation on rated pairs
FORGETTING = "forgetting.parquet"
SHARDS = "shards"
PLAN = "plan.json"
# A benchmark folder, of ``relsym build``.
MANIFEST = "manifest.json"
CARD = "README.md"
DATA = "data"
# An export folder, of ``relsym export``.
EXPORT = "export.json"
# A report folder, of ``relsym report``.
REPORT = "report.json"
REPORT_PAGES = ("report.md", "report.html")  # what says last that the report is whole stands last
REPORT_TABLES = "tables"
REPORT_FIGURES = "figures"
# A folder of ``relsym check``.
CHECK = "check.json"
FINDINGS_FILE = "findings"  # and .csv, .parquet, .html
KINDS_TABLE = "kinds.csv"
QUICKSTATEMENTS = "quickstatements"
# The folder of an index of statements.
INDEX = "index.json"
VECTORS = "vectors.faiss"
STATEMENTS = "texts.arrow"
# A sweep folder.
SWEEP = "sweep.json"
FROZEN = "frozen"
# In every folder while a command writes to it.
LOCK = "relsym.lock"
FORMER_LOCK = "sweep.lock"  # what it was called in a sweep's folder
# A file or folder that is being written carries this before its name.
PARTIAL = "partial."
