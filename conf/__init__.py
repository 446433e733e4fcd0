"""Hydra configuration, installed as ``relsym.conf``."""
