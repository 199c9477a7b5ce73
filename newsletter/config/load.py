"""newsletter.toml + the environment → Config: read once, strictly. Every mistake is told, with its place."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin

from newsletter.config.places import Key, Place, find_places
from newsletter.config.rules import SettingsProblem, find_problems
from newsletter.config.settings import Config
from newsletter.errors import Mistake, SettingsError
from newsletter.text.toml import explain_toml
from newsletter.text.words import suggest

ENVIRONMENT_PREFIX = "NEWSLETTER_"
# `not` is a word of Python; the noun says `never`.
_RENAMED = {"not": "never"}
_SHOWN = {value: key for key, value in _RENAMED.items()}


@dataclass(frozen=True, slots=True)
class _SettingsText:
    """The settings file as read: its name, its text and its values."""

    file: str
    source: str
    values: dict[str, Any]


def load_config(data: bytes, file: str, source_kinds: Mapping[str, str]) -> Config:
    """Settings text, with the environment over it → Config. Raises SettingsError with all mistakes at once.

    `source_kinds` maps each kind of source to the key it needs.
    """
    text = _read_toml(data, file)
    values, overlay_problems = _overlay(text.values)
    config, shape_problems = _validate(values)
    problems = [*_find_secrets(text.values), *overlay_problems, *shape_problems, *find_problems(values, source_kinds)]
    if problems or config is None:
        unique = {problem.key: problem for problem in reversed(problems)}
        places = find_places(text.source)
        raise SettingsError.of(
            sorted((_tell(problem, text, places) for problem in unique.values()), key=_reading_order)
        )
    return config


def _read_toml(data: bytes, file: str) -> _SettingsText:
    try:
        source = data.decode("utf-8-sig")
        return _SettingsText(file, source, tomllib.loads(source))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            Mistake(code="NL011", file=file, line=line, message="not UTF-8; save the file as UTF-8")
        ) from None
    except tomllib.TOMLDecodeError as error:
        fault = explain_toml(error, source)
    raise SettingsError(
        Mistake(code="NL011", file=file, line=fault.line, column=fault.column, message=fault.message, help=fault.help)
    )


def _find_secrets(values: Mapping[str, Any]) -> list[SettingsProblem]:
    """Secrets in the file itself: it goes into git, to the editor's colleagues, into a question on the web."""
    told = f"must not stand in this file, which is for git: set {ENVIRONMENT_PREFIX}{{}}__PASSWORD, or name a password_file"
    return [
        SettingsProblem((section, "password"), told.format(section.upper()))
        for section, keys in values.items()
        if isinstance(keys, dict) and keys.get("password")
    ]


# --- the environment ----------------------------------------------------------------------------------------------


def _overlay(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[SettingsProblem]]:
    """The values with NEWSLETTER_<SECTION>__<KEY> laid over them, and the variables that name nothing."""
    names = [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)]
    sections = [item.name for item in fields(Config)]
    problems = []
    for name in names:
        section, _, key = name[len(ENVIRONMENT_PREFIX) :].lower().partition("__")
        if key and section not in sections:
            near = suggest(section, sections) or f"; sections: {', '.join(sections)}"
            problems.append(SettingsProblem((name,), f"no section {section!r}{near}", "NL016"))
    if not any(name[len(ENVIRONMENT_PREFIX) :].lower().partition("__")[0] in sections for name in names):
        return dict(values), problems
    from pydantic import create_model
    from pydantic_settings import BaseSettings, EnvSettingsSource
    from pydantic_settings import SettingsError as VariableError

    shape: Any = {item.name: (item.type, ...) for item in fields(Config)}
    settings = create_model("Settings", __base__=BaseSettings, **shape)
    source = EnvSettingsSource(settings, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__")
    try:
        overlay = source()
    except VariableError as error:
        return dict(values), [
            *problems,
            SettingsProblem(("environment",), f"{error}; lists and tables are written as JSON", "NL016"),
        ]
    return _merge(values, _decode_lists(overlay, problems)), problems


def _decode_lists(overlay: Mapping[str, Any], problems: list[SettingsProblem]) -> dict[str, Any]:
    """Lists inside a section come as text: pydantic-settings does not look into the fields of our nouns."""
    decoded = {section: dict(keys) if isinstance(keys, dict) else keys for section, keys in overlay.items()}
    for item in fields(Config):
        keys = decoded.get(item.name)
        if not isinstance(keys, dict) or not is_dataclass(item.type):
            continue
        for inner in fields(item.type):
            if get_origin(inner.type) is tuple and isinstance(keys.get(inner.name), str):
                try:
                    keys[inner.name] = json.loads(keys[inner.name])
                except ValueError:
                    problems.append(
                        SettingsProblem(
                            (item.name, inner.name),
                            "is no JSON list; lists are written as JSON here",
                            "NL016",
                        )
                    )
                    del keys[inner.name]
    return decoded


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


# --- shape: types and unknown keys, by pydantic -------------------------------------------------------------------


def _validate(values: Mapping[str, Any]) -> tuple[Config | None, list[SettingsProblem]]:
    from pydantic import ValidationError

    try:
        config: Config = _shape().validate_python(_rename(values))
        return config, []
    except ValidationError as error:
        return None, [_shape_problem(dict(one)) for one in error.errors(include_url=False)]


@cache
def _shape() -> Any:
    # Made once: that takes longer than reading the settings does.
    from pydantic import TypeAdapter

    return TypeAdapter(Config)


def _rename(values: Mapping[str, Any]) -> dict[str, Any]:
    themes = values.get("themes")
    if not isinstance(themes, list):
        return dict(values)
    renamed = [
        {_RENAMED.get(key, key if key not in _SHOWN else f"{key}?"): value for key, value in theme.items()}
        if isinstance(theme, dict)
        else theme
        for theme in themes
    ]
    return {**values, "themes": renamed}


_TYPE_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list in [ ]",
    "dataclass_type": "must be a table of keys",
}


def _shape_problem(error: Mapping[str, Any]) -> SettingsProblem:
    key: Key = tuple(_SHOWN.get(part, part) if isinstance(part, str) else part for part in error["loc"])
    kind = error["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        name = str(key[-1]).removesuffix("?")
        return SettingsProblem((*key[:-1], name), f"unknown key{suggest(name, _known_keys(key[:-1]))}", "NL012")
    if kind == "missing":
        return SettingsProblem(key, "is missing", "NL013")
    if kind == "literal_error":
        message = f"must be {error['ctx']['expected'].replace(chr(39), chr(34))}"
    else:
        message = _TYPE_MESSAGES.get(kind, str(error["msg"]))
    return SettingsProblem(key, message)


def _known_keys(section: Key) -> list[str]:
    """The keys that may stand in a section; index parts of the path do not count."""
    noun: Any = Config
    for part in section:
        if isinstance(part, int):
            continue
        item = next((item for item in fields(noun) if item.name == part), None)
        inner = item.type if item else None
        noun = next((one for one in (inner, *get_args(inner)) if is_dataclass(one)), None)
        if noun is None:
            return []
    return [_SHOWN.get(item.name, item.name) for item in fields(noun)]


# --- how it is told -----------------------------------------------------------------------------------------------


def _tell(problem: SettingsProblem, text: _SettingsText, places: Mapping[Key, Place]) -> Mistake:
    variable = _variable(problem.key)
    name = _dotted(problem.key, text.values)
    if variable:
        return Mistake(
            code=problem.code,
            file=variable,
            message=f"{name}: {problem.message}" if name != variable else problem.message,
        )
    known = problem.key
    while known and known not in places:
        known = known[:-1]
    line, column = places.get(known, (1, 1))
    section = problem.key[0] if isinstance(problem.key[0], str) else ""
    return Mistake(
        code=problem.code,
        file=text.file,
        line=line,
        column=column,
        message=f"{name}: {problem.message}",
        help=f"keys of [{section}]: docs/settings.md#{section}"
        if problem.code == "NL012" and len(problem.key) > 1
        else None,
    )


def _variable(key: Key) -> str | None:
    """The environment variable that gave this value, if one did."""
    if len(key) == 1 and str(key[0]).upper().startswith(ENVIRONMENT_PREFIX):
        return str(key[0])
    if key == ("environment",):
        return "environment"
    names = {name.upper(): name for name in os.environ}
    for length in range(len(key), 0, -1):
        wanted = ENVIRONMENT_PREFIX + "__".join(str(part) for part in key[:length]).upper()
        if wanted in names:
            return names[wanted]
    return None


def _dotted(key: Key, values: Any) -> str:
    """`("themes", 0, "any", 2)` → `themes.caucasus.any[2]`: items by their slug or name where they have one."""
    parts: list[str] = []
    for part in key:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(values, dict):
            parts.append(str(values.get("slug") or values.get("name") or part + 1))
        else:
            parts[-1] += f"[{part}]"
    return ".".join(parts)


def _reading_order(mistake: Mistake) -> tuple[str, int, int]:
    return mistake.file or "", mistake.line or 0, mistake.column or 0
