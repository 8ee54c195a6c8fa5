"""What the commands do, one file each: a composed configuration in, files and lines out."""
