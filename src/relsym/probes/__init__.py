"""Stage 5: frozen representations in, labels out."""
