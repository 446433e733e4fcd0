"""``relsym export``: the rows of a benchmark, for other programs to answer."""
