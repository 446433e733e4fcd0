"""What contradicts, and what is missing, among the statements of a knowledge base."""
