"""What is shown of a run while it goes: Weights & Biases, TensorBoard, CSV."""
