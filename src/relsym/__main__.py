"""``python -m relsym``: the same as the command ``relsym``."""

from relsym.app.cli import main

main()
