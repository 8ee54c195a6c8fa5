"""Processes that work beside one another: started clean, heard by name, never orphaned."""
