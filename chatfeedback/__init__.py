"""chatfeedback: a local chat that learns a person's taste from their reactions."""

__version__ = "0.1.0"
