"""The order of the work: one file a command or event, short, top to bottom."""
