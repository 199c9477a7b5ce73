"""What others send with: each prepares all it can, sends N messages, and prints one line about the sending alone."""
