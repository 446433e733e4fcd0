"""The command ``relsym index``."""
