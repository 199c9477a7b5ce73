"""`./run bench NAME`: one measurement."""

import importlib
import sys

NAMES = {
    "build": "the writing side: start, build, a hundred posts, ten thousand drafted",
    "send": "sending: the whole path and SMTP alone against rivals, near and far, and a million readers",
    "years": "ten years of one desk: 200 feeds, 5,000 posts, 600 issues collected and drafted",
    "themes": "what learning from the editor's moves is worth, and what it costs",
    "leave": "a thousand one-click requests a second while an issue is being sent",
    "preview": "from saving a file to the new page in the browser",
    "templates": "what the checks say of mails that others publish, and how often they are wrong",
    "siege": "strangers attack the public pages while an issue is sent: memory, pages of others, mails",
    "fuzz": "nonsense to every route of the public pages: no fault of ours",
    "feeds": "the words of the feeds that feedparser ships for its tests: none lost, glued or invented",
    "kill": "the promise: kill -9 at any moment, and count who was lost and who got a second copy",
}


def main(arguments: list[str]) -> int:
    """Run the measurement that is named; its exit status says whether all goals were met."""
    if not arguments or arguments[0] not in NAMES:
        print("usage: ./run bench NAME [--rounds N]\n")
        for name, what in NAMES.items():
            print(f"  {name:10} {what}")
        return 2
    status: int = importlib.import_module(f"bench.{arguments[0]}").main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
