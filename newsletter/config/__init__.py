"""newsletter.toml and the environment over it → one frozen Config."""

from newsletter.config.load import load_config
from newsletter.config.settings import Checks, Config, Database, Fetch, FurtherRelay, Smtp, Web

__all__ = ["Checks", "Config", "Database", "Fetch", "FurtherRelay", "Smtp", "Web", "load_config"]
