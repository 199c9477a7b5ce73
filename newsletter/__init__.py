"""A newsletter desk that lives in a folder: posts become an issue, an issue becomes mail, pages and feeds."""

__version__ = "0.1.0"
