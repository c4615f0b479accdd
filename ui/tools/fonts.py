"""Subset the Noto fonts of Debian's fonts-noto-core to what the screens show: `python -m ui.tools.fonts SOURCE_DIRECTORY`.

The result is committed under `ui/common/fonts`, so that a fresh machine shows every screen alike. The fonts are under the SIL
Open Font License 1.1 (`OFL.txt` beside them), which allows subsets; they declare no reserved font name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

DESTINATION = Path(__file__).resolve().parent.parent / "common" / "fonts"

_LATIN = "U+0020-007E,U+00A0-024F,U+0259,U+02BB-02BD,U+02C6-02DD,U+0300-0304,U+0306-030C,U+0323-0328,U+1E00-1EFF"
_SIGNS = "U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+202F,U+2032-2033,U+2039-203A,U+20AC,U+2122,U+2190-2199,U+2212,U+2264-2265"
_ARABIC = "U+0020-0040,U+00A0,U+00AB,U+00BB,U+0600-06FF,U+200B-200F,U+2010-2015,U+2026,U+FE70-FEFF"

FONTS = {
    "NotoSans-Regular.ttf": f"{_LATIN},{_SIGNS}",
    "NotoSans-Bold.ttf": f"{_LATIN},{_SIGNS}",
    "NotoSansArabic-Regular.ttf": _ARABIC,
    "NotoSansArabic-Bold.ttf": _ARABIC,
}
"""File name and the code points that stay."""

_UI_ASCENT, _UI_DESCENT = 1100, -430
"""Line metrics of the Arabic files after subsetting, in thousandths: those of running text leave room for stacked vowel signs
that no screen has, and would make every line half as high again."""


def _tighten(path: Path) -> None:
    """Give an Arabic file the line height of interface text."""
    font = TTFont(path)
    font["hhea"].ascent, font["hhea"].descent, font["hhea"].lineGap = _UI_ASCENT, _UI_DESCENT, 0
    metrics = font["OS/2"]
    metrics.sTypoAscender, metrics.sTypoDescender, metrics.sTypoLineGap = _UI_ASCENT, _UI_DESCENT, 0
    metrics.usWinAscent, metrics.usWinDescent = _UI_ASCENT, -_UI_DESCENT
    font.save(path)


def main(arguments: list[str]) -> int:
    """Subset every font of `FONTS` from the given directory."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ui.tools.fonts SOURCE_DIRECTORY\n")
        return 2
    for name, unicodes in FONTS.items():
        subset.main(
            [
                str(Path(arguments[0]) / name),
                f"--unicodes={unicodes}",
                "--layout-features=*",
                "--no-hinting",
                "--name-IDs=*",
                f"--output-file={DESTINATION / name}",
            ]
        )
        if "Arabic" in name:
            _tighten(DESTINATION / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
