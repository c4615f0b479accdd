"""Makes the reference pages of commands and configuration from the tables that the program itself uses.

`python -m egate.app.reference docs` writes them; a check compares, so a page cannot drift away from the program.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from egate.app.cli import build_parser
from egate.app.config import TABLES


def commands_page() -> str:
    """docs/commands.md: every command with every option."""
    lines = ["# Commands", "", "Made from the program by `python -m egate.app.reference docs`.", ""]
    parser = build_parser()
    group = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in group.choices.items():
        lines += [f"## egate {name}", "", str(command.description), "", "| option | meaning |", "|---|---|"]
        for action in command._actions:
            words = ", ".join(f"`{word}`" for word in action.option_strings) or f"`{action.dest.upper()}`"
            value = f" `{action.metavar or action.dest.upper()}`" if action.nargs != 0 and action.option_strings else ""
            lines.append(f"| {words}{value} | {(action.help or '').replace('%(default)s', str(action.default))} |")
        lines.append("")
    return "\n".join(lines)


def configuration_page() -> str:
    """docs/configuration.md: every table and key of a lane's file."""
    lines = [
        "# Configuration of a lane",
        "",
        "One TOML file for each lane; `egate demo --keep DIR` writes a complete one to start from. Paths are relative to the",
        "file. Keys never stand in it: it names the files that hold them. Made from the program by",
        "`python -m egate.app.reference docs`.",
        "",
    ]
    for table, keys in TABLES.items():
        lines += [f"## [{table}]", "", "| key | meaning |", "|---|---|"]
        lines += [f"| `{key}` | {meaning} |" for key, meaning in keys.items()]
        lines.append("")
    return "\n".join(lines)


def write_pages(directory: Path) -> None:
    """Write both pages into `directory`."""
    (directory / "commands.md").write_text(commands_page(), "utf-8")
    (directory / "configuration.md").write_text(configuration_page(), "utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
