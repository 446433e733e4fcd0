"""Find sentences by their vectors: which agree with another one, and which contradict it."""
