"""The findings of ``relsym check`` as tables and as a page."""
