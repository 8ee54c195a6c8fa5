"""Where in a radiograph a network finds its evidence, and how far that can be believed."""
