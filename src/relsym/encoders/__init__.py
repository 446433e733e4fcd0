"""Stage 2: a sentence or a sentence pair in, a vector out."""
