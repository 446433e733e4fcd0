"""The command ``relsym predict``."""
