"""Measurements anyone can run: interleaved rounds, medians, ratios against a named rival in the same run."""
