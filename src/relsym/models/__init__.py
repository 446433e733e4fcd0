"""Stage 7: any model in, an answer to every row out."""
