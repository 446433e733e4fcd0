"""``relsym check``: contradictions and gaps in a knowledge base."""
