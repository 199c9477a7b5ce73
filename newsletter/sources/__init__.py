"""WHERE POSTS COME FROM: one file a kind, and this table. `fetch.py` is the only way out to the network."""

from newsletter.sources import feed, folder
from newsletter.sources.contract import Batch, SourceFile, SourceKind, collected_folder

SOURCES: dict[str, SourceKind] = {"folder": folder.KIND, "feed": feed.KIND}

__all__ = ["SOURCES", "Batch", "SourceFile", "SourceKind", "collected_folder"]
