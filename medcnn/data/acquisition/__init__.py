"""Where images come from, told by what is not anatomy: facts of an image, and clusters of them."""
