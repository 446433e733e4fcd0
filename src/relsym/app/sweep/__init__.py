"""A sweep: jobs composed first, frozen, then each run in a process of its own."""
