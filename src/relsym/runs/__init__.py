"""What a run leaves on disk: written and read here, without Hydra and without torch."""
