"""The npm package `caniemail` becomes newsletter/checking/caniemail.json: the clients that the checks know, newest versions only.

Run: npm pack caniemail@1.0.5 && python scripts/distil_caniemail.py caniemail-1.0.5.tgz
"""

import json
import re
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "newsletter/checking/caniemail.json"
MEMBER = "package/data/caniemail.json"
# Our family → its name for people, and of each platform our name, the name beside the family's, and where the data has it.
# Gmail in a phone's browser is left out: who reads there is asked to install the app.
CLIENTS: dict[str, tuple[str, dict[str, tuple[str, str, str]]]] = {
    "gmail": (
        "Gmail",
        {
            "gmail-web": ("web", "gmail", "desktop-webmail"),
            "gmail-ios": ("iOS", "gmail", "ios"),
            "gmail-android": ("Android", "gmail", "android"),
        },
    ),
    "outlook": ("Outlook for Windows", {"outlook-windows": ("", "outlook", "windows")}),
    "outlook.com": ("Outlook.com", {"outlook.com-web": ("", "outlook", "outlook-com")}),
    "outlook-mac": ("Outlook for Mac", {"outlook-macos": ("", "outlook", "macos")}),
    "outlook-mobile": (
        "Outlook's app",
        {"outlook-ios": ("iOS", "outlook", "ios"), "outlook-android": ("Android", "outlook", "android")},
    ),
    "apple": (
        "Apple Mail",
        {"apple-macos": ("macOS", "apple-mail", "macos"), "apple-ios": ("iOS", "apple-mail", "ios")},
    ),
    "yahoo": (
        "Yahoo",
        {
            "yahoo-web": ("web", "yahoo", "desktop-webmail"),
            "yahoo-ios": ("iOS", "yahoo", "ios"),
            "yahoo-android": ("Android", "yahoo", "android"),
        },
    ),
    "samsung": ("Samsung Email", {"samsung-android": ("", "samsung-email", "android")}),
    "thunderbird": ("Thunderbird", {"thunderbird-desktop": ("", "thunderbird", "macos")}),
    "protonmail": (
        "Proton Mail",
        {
            "protonmail-web": ("web", "protonmail", "desktop-webmail"),
            "protonmail-ios": ("iOS", "protonmail", "ios"),
            "protonmail-android": ("Android", "protonmail", "android"),
        },
    ),
    "gmx": (
        "GMX",
        {
            "gmx-web": ("web", "gmx", "desktop-webmail"),
            "gmx-ios": ("iOS", "gmx", "ios"),
            "gmx-android": ("Android", "gmx", "android"),
        },
    ),
    "web.de": (
        "WEB.DE",
        {
            "web.de-web": ("web", "web-de", "desktop-webmail"),
            "web.de-ios": ("iOS", "web-de", "ios"),
            "web.de-android": ("Android", "web-de", "android"),
        },
    ),
}


def main() -> int:
    """Write the table from the package that is named; 1 if none is."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 1
    with tarfile.open(sys.argv[1]) as package:
        member = package.extractfile(MEMBER)
        if member is None:
            print(f"{sys.argv[1]}: no {MEMBER}", file=sys.stderr)
            return 1
        TARGET.write_text(distil(json.load(member)), encoding="utf-8", newline="\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
    return 0


def distil(raw: Mapping[str, Any]) -> str:
    """The whole data → the text of our table, a feature a line; the same data give the same bytes."""
    source = {
        "name": "Can I email",
        "url": "https://www.caniemail.com/",
        "licence": "MIT",
        "last_update_date": raw["last_update_date"][:10],
    }
    clients = {
        family: {"name": name, "platforms": {one: where[0] for one, where in platforms.items()}}
        for family, (name, platforms) in CLIENTS.items()
    }
    features = {one["slug"]: _feature(one) for one in raw["data"]}
    lines = ",\n".join(f"{_dump(slug)}: {_dump(features[slug])}" for slug in sorted(features))
    return f'{{\n"source": {_dump(source)},\n"clients": {_dump(clients)},\n"features": {{\n{lines}\n}}\n}}\n'


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _feature(raw: Mapping[str, Any]) -> dict[str, object]:
    """`support` has a word for each platform, in the order of `clients`: y, n, u, or a with the numbers of its notes."""
    notes = raw["notes_by_num"] or {}  # a number without a note is in the data too, and says nothing
    words = [
        _newest(raw["stats"].get(family, {}).get(platform, {}), notes)
        for _, platforms in CLIENTS.values()
        for _, family, platform in platforms.values()
    ]
    numbers = sorted({number for word in words for number in word[1:].split(",") if number}, key=int)
    feature: dict[str, object] = {"title": raw["title"].strip(), "support": " ".join(words)}
    if numbers:
        feature["notes"] = {number: _plain(notes[number]) for number in numbers}
    return feature


def _newest(versions: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """`{"2019": "n", "2023": "a #1 #4"}` → `a1,4`: the version that the file lists last is the newest. Not tested: `u`."""
    letter, *numbers = (list(versions.values()) or ["u"])[-1].replace("#", " ").split()
    # Only of what is supported in part do the checks tell how.
    return letter + ",".join(number for number in numbers if letter == "a" and number in notes)


def _plain(note: str) -> str:
    """A note as one line without Markdown's links; that it is about partial support, the letter says already."""
    text = re.sub(r"\s*\(?See [^\[]*\[.*", "", note, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"^Partial(?:ly supported| support)?[.:]\s*", "", text).split())


if __name__ == "__main__":
    sys.exit(main())
