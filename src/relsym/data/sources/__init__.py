"""Triple sources, one small reader each, all with the method ``read(properties)``."""
