"""A document's recipe: TOML in, typed values out, or a sentence that names the key and what it takes.

Rule: an unknown key is an error too, because a misspelt one would make another document than the tester believes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from egate.app.config import ConfigError
from egate.app.simulate.recipe_keys import KEYS, UNSET, RecipeKey, Shape, Value

MAX_RECIPE_BYTES = 65_536
MAX_TEXT_CHARACTERS = 200
FIVE_YEARS = timedelta(days=5 * 365)
_SECTIONS = frozenset(key.section for key in KEYS if key.section)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Checked values by the place of their key, and the folder in which the recipe's files lie."""

    folder: Path
    _values: Mapping[str, Value] = field(repr=False)

    def text(self, place: str) -> str:
        """A text or a word."""
        return str(self._values[place])

    def switch(self, place: str) -> bool:
        """Whether something is switched on."""
        return bool(self._values[place])

    def words(self, place: str) -> tuple[str, ...]:
        """A list of words."""
        value = self._values[place]
        return value if isinstance(value, tuple) else ()

    def number(self, place: str) -> int:
        """A whole number."""
        value = self._values[place]
        return value if isinstance(value, int) else 0

    def day(self, place: str, otherwise: date) -> date:
        """A date, or the other one when the recipe names none."""
        value = self._values[place]
        return value if isinstance(value, date) and value != UNSET else otherwise


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file; raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `egate document make --example` prints a recipe to begin with") from None
    if len(data) > MAX_RECIPE_BYTES:
        raise ConfigError(f"{path}: a recipe has at most {MAX_RECIPE_BYTES} bytes")
    return parse_recipe(data, path.parent, path.name)


def parse_recipe(data: bytes, folder: Path, name: str = "recipe") -> Recipe:
    """The recipe of its TOML text; raises ConfigError that names the key and what it takes."""
    try:
        given: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{name} is not TOML: {error}") from None
    _refuse_unknown(given, name)
    return Recipe(folder, {key.place: _value(key, given, name) for key in KEYS})


def _refuse_unknown(given: Mapping[str, Any], name: str) -> None:
    places = {key.place for key in KEYS}
    for section, content in given.items():
        if section in _SECTIONS:
            if not isinstance(content, dict):
                raise ConfigError(f"{name}: {section} is a section: write [{section}]")
            unknown = [f"{section}.{key}" for key in content if f"{section}.{key}" not in places]
        else:
            unknown = [] if section in places else [section]
        if unknown:
            raise ConfigError(f"{name}: there is no key {unknown[0]}; the keys are {', '.join(sorted(places))}")


def _value(key: RecipeKey, given: Mapping[str, Any], name: str) -> Value:
    content = given.get(key.section, {}) if key.section else given
    if key.name not in content:
        return key.default
    value = content[key.name]
    if not _fits(key, value):
        raise ConfigError(f"{name}: {key.place} is {key.allowed}")
    return tuple(value) if isinstance(value, list) else value


def _fits(key: RecipeKey, value: object) -> bool:
    match key.shape:
        case Shape.TEXT:
            return isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS
        case Shape.DAY:
            return type(value) is date
        case Shape.SWITCH:
            return isinstance(value, bool)
        case Shape.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool) and key.numbers[0] <= value <= key.numbers[1]
        case Shape.WORD:
            return isinstance(value, str) and value in key.words
        case Shape.WORDS:
            return isinstance(value, list) and all(isinstance(word, str) and word in key.words for word in value)


def example() -> str:
    """A commented recipe with every key at its default."""
    lines = ["# A simulated document. Every key may be left out; what stands here is what it is then.", ""]
    section = ""
    for key in KEYS:
        if key.section != section:
            section = key.section
            lines += ["", f"[{section}]"]
        lines += [f"# {key.meaning}", f"#   {key.allowed}", _line(key)]
    return "\n".join(lines) + "\n"


def _line(key: RecipeKey) -> str:
    """The key with its default; what is reckoned from today stands as a comment."""
    if key.default == UNSET:
        return f"# {key.name} = 2030-01-31"
    return f"{key.name} = {_toml(key.default)}"


def _toml(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return "[" + ", ".join(_toml(word) for word in value) + "]"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def reference() -> str:
    """The table of keys in Markdown, for the docs."""
    rows = [f"| `{key.place}` | {key.meaning} | {_cell(key)} | {_default(key)} |" for key in KEYS]
    return "\n".join(["| key | meaning | takes | default |", "|---|---|---|---|", *rows])


def _cell(key: RecipeKey) -> str:
    return key.allowed.replace("|", "\\|").replace("<", "\\<")


def _default(key: RecipeKey) -> str:
    if key.default == UNSET:
        return "–"
    return f"`{_toml(key.default)}`"
