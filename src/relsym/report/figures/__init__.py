"""What the figures draw, and the static ones (PNG, SVG)."""
