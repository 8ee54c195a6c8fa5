"""A run as a folder that leaves the lab: its network as a graph, its contract, and their proof."""
