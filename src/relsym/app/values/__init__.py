"""Values and keys of a configuration, checked against what declares them before torch is imported."""
