"""The public pages, asked as browsers, providers, scanners and enemies ask."""
