"""newsletter.toml and the environment over it → one frozen Config."""

from newsletter.config.load import load_config
from newsletter.config.settings import Config, Database, Fetch, FurtherRelay, Smtp, Web

__all__ = ["Config", "Database", "Fetch", "FurtherRelay", "Smtp", "Web", "load_config"]
