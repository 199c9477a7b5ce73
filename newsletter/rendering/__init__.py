"""AN ISSUE BECOMES BYTES. Pure: nothing here reads a clock or the network; templates are handed in."""
