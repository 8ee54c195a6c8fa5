"""A look into a trained network: its first filters, what its layers pass on, and their gradients."""
