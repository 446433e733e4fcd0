"""``relsym labels``: add labels to a finished run, list them, take them away."""
