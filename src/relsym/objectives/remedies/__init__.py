"""Known remedies against catastrophic forgetting; each can be added to the training of any objective."""
