"""``relsym evaluate``: any model, scored on a benchmark."""
