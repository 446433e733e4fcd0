"""``relsym train``: an encoder, retrained with one objective and scored."""
