"""The proof that a configuration moves rows exactly, on drawn rows."""
