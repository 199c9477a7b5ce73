"""POSTS BECOME AN ISSUE. Pure: nothing here reads a clock, a file or a network."""
