"""Country codes → the names people use: country, demonym, capital, and the groups that have no country entry.

The facts about countries come from the package countryinfo (MIT); what it lacks or spells oddly is added here.
"""

from functools import cache

# Not in countryinfo: Kosovo, and the groups that news speaks of like countries.
GROUPS: dict[str, tuple[str, ...]] = {
    "XK": ("Kosovo", "Kosovar", "Kosovars", "Pristina", "Prishtina"),
    "EU": (
        "EU",
        "European Union",
        "European Commission",
        "European Council",
        "European Parliament",
        "Brussels",
        "Europäische Union",
        "Union européenne",
    ),
    "NATO": ("NATO", "North Atlantic Treaty Organization", "North Atlantic Treaty Organisation", "OTAN"),
    "UN": ("UN", "U.N.", "United Nations", "UN Security Council"),
    "G7": ("G7", "G-7", "Group of Seven"),
    "BRICS": ("BRICS", "BRICS+"),
    "ASEAN": ("ASEAN", "Association of Southeast Asian Nations"),
}
# Names in daily use that the data set does not have, by country.
_ALSO: dict[str, tuple[str, ...]] = {
    "US": ("U.S.", "Washington", "Americans"),
    "GB": ("Britain", "Britons", "U.K."),
    "CZ": ("Czechia",),
    "MK": ("North Macedonia",),
    "MM": ("Myanmar", "Burma", "Burmese", "Naypyidaw"),
    "NL": ("Dutch", "The Hague"),
    "PS": ("Palestine", "Palestinian", "Palestinians", "Ramallah", "Gaza", "West Bank"),
    "SZ": ("Eswatini",),
    "TR": ("Türkiye", "Turks"),
    "UA": ("Kiev",),
    "VA": ("Holy See", "Vatican"),
}
# Short forms that are words and not codes; all other entries of two or three capitals are left out.
_SHORT_NAMES = frozenset(("US", "USA", "UK", "UAE", "DRC"))


@cache
def country_names(code: str) -> tuple[str, ...]:
    """An ISO 3166 code or one of our groups → its names, best known first. Raises KeyError for an unknown code.

    >>> country_names("AM")[:3]
    ('Armenia', 'Armenian', 'Armenians')
    """
    if code in GROUPS:
        return GROUPS[code]
    from countryinfo import CountryInfo, CountryNotFoundError

    try:
        country = CountryInfo(code)
    except CountryNotFoundError:
        raise KeyError(code) from None
    names = [country.name().split(",")[0]]
    demonym = country.demonym() or ""
    if demonym:
        names += [demonym, *_plural(demonym)]
    capital = country.capital()
    if capital:
        names.append(capital.removesuffix(" D.C."))
    names += [name for name in country.alt_spellings() if _is_name(name)]
    names += _ALSO.get(code, ())
    return tuple(dict.fromkeys(name for name in names if name))


def _plural(demonym: str) -> list[str]:
    return [f"{demonym}s"] if demonym.endswith(("n", "i", "an")) else []


def _is_name(name: str) -> bool:
    if "," in name:
        return False
    return len(name) > 3 or name in _SHORT_NAMES or not name.isascii()
