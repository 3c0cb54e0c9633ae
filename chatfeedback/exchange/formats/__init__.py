"""A file for each format that feedback is read from and written to."""
