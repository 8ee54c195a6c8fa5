"""The image cache: every image decoded and resized once."""
