"""What is known about text alone: characters, words, Markdown, front matter, HTML. Nothing here knows of newsletters."""
