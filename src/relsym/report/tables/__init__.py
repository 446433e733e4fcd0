"""Tables of runs, before and after they become Markdown, CSV, LaTeX or lines on a terminal."""
