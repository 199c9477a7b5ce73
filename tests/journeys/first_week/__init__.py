"""From nothing to the first issue in an inbox; docs/start.md is this journey, told to a newcomer."""
