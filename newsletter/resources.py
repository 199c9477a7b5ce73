"""What the program brings along: templates and samples, from the wheel or from a checkout."""

from importlib.resources import files
from pathlib import Path


def resource(name: str) -> Path:
    """A file or folder that ships with the program, e.g. `templates` or `newsletter.toml`."""
    packed = Path(str(files("newsletter"))) / "_data" / name
    return packed if packed.exists() else Path(__file__).resolve().parent.parent / name
