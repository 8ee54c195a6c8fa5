"""Tasks: LightningModules that know the network and the objective, and nothing of files."""
