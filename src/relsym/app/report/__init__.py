"""``relsym report``: finished runs into tables and figures."""
