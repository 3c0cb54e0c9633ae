"""From what was said to a version that serves, or is turned down."""
