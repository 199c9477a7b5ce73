"""The fault matrix (docs/guarantees.md): one test per row, named after it."""
