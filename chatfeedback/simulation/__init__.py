"""How we know: simulated people use the whole pipeline."""
