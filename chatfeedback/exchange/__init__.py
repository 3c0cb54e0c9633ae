"""Feedback as other programs write it: one file per format, each with its reader and its writer."""
