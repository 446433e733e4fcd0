"""Names of the files that relsym writes, each in one place."""

from __future__ import annotations

# A run folder, of ``relsym train`` or ``relsym evaluate``; one of an evaluation has no encoder, probe and
# forgetting.
RESULTS = "results.json"
CONFIG = "config.yaml"
ENCODER = "encoder"
PROBE = "probe.safetensors"
PREDICTIONS = "predictions.parquet"
FORGETTING = "forgetting.parquet"
SHARDS = "shards"
PLAN = "plan.json"
# A benchmark folder, of ``relsym build``.
MANIFEST = "manifest.json"
CARD = "README.md"
DATA = "data"
# A sweep folder.
SWEEP = "sweep.json"
LOCK = "sweep.lock"
FROZEN = "frozen"
# A file or folder that is being written carries this before its name.
PARTIAL = "partial."
