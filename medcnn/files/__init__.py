"""Files that may be damaged, or come from a stranger: one rule reads each kind of them.

Whatever a parser raises on a file ends as one typed error that names the file, says what was
expected of it, and what to do.
"""
