"""Modules for sentence-transformers, each a file that stands for itself and is written beside weights."""
