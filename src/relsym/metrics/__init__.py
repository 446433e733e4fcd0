"""Stage 3: the symmetry-aware metric that training, probing and search share."""
