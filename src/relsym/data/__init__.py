"""Stage 1: triples in, labelled premise / hypothesis rows out. No model code."""
