"""What to ask a person, and when."""
