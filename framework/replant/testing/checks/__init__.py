"""CHECK constraints, read far enough to draw values that satisfy them."""
