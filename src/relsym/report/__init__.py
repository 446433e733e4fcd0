"""Stage 8: run folders in, tables and figures out. Never imports torch."""
