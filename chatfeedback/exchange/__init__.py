"""Feedback as files: read row by row, written for other programs."""
