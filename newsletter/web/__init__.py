"""Faces for people: the public pages. Entered by `make_app` and `run_web`; asyncio stays inside."""

from newsletter.web.app import make_app
from newsletter.web.public import Public
from newsletter.web.server import WebServer

__all__ = ["Public", "WebServer", "make_app"]
