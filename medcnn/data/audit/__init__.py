"""The audit: what would make a result untrue, looked for before training starts."""
