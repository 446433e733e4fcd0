"""Stage 6: scores, shortcuts and the statistics that keep both honest."""
