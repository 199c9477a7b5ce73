"""Which file or database of the user's is read as what; writes that happen whole or not at all."""
