"""What a person laid down in words: principles, flags, the taste card's orders."""
