"""``python -m relsym``."""

from relsym.app.cli import main

main()
