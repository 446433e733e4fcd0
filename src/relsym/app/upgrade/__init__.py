"""``relsym upgrade``: what earlier versions wrote, in the format that this one reads."""
