"""How token vectors become one vector: one small file each, found by name in ``registry``."""
