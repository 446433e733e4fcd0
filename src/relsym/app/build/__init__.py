"""``relsym build``: triples into a benchmark on disk."""
