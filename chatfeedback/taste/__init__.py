"""The personal reward model: from feedback events to a belief about one person's taste."""
