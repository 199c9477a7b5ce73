"""A folder of files: pasted digests (`*.txt`) and Markdown (`*.md`)."""

from newsletter.sources.contract import SourceKind
from newsletter.sources.post_files import read_files

KIND = SourceKind(wants="path", fetches=False, folder=lambda source: source.path, read=read_files)
