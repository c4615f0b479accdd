"""Published texts of boarding passes; the persons in them are the standard's own.

Source: IATA Resolution 792 (BCBP), examples of Attachment B in versions 4 (security data of 100 characters) and 5, as they stand
in the test data of two programs: KDE's KItinerary (autotests/bcbpparsertest.cpp; there the security data of two examples are cut,
see `SHORTENED`) and BoardingPassKit (BoardingPassExamplev4Tests). The one of version 6 is the README's of npm's package bcbp.
"""

from __future__ import annotations

SECURITY = "GIWVC5EH7JNT684FVNJ91W2QA4DVN5J8K4F0L0GEQ3DF5TGBN8709HKT5D3DW3GBHFCVHMY7J5T6HFR41W2QA4DVN5J8K4F0L0GE"

MANDATORY = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100"

PUBLISHED = {
    "one leg, mandatory items": MANDATORY,
    "one leg, every item": (
        "M1DESMARAIS/LUC       EAB12C3 YULFRAAC 0834 326J003A0027 167>5321WW1325BAC 0014123456002001412346700100141234789012A01"
        "41234567890 1AC AC 1234567890123    4PCYLX58Z^108ABCDEFGH"
    ),
    "two legs, every item": (
        "M2DESMARAIS/LUC       EAB12C3 YULFRAAC 0834 326J003A0027 167>5321WW1325BAC 0014123456002001412346700100141234789012A01"
        "41234567890 1AC AC 1234567890123    4PCYLX58ZDEF456 FRAGVALH 3664 327C012C0002 12E2A0140987654321 1AC AC 1234567890123"
        "    3PCNWQ^108ABCDEFGH"
    ),
    "one leg, every item, version 4": (
        "M1DESMARAIS/LUC       EAB12C3 YULFRAAC 0834 326J003A0027 166>4321WW1325BAC 0014123456002001412346700100141234789012901"
        "41234567890 1AC AC 1234567890123    4PCLX58Z^164" + SECURITY
    ),
    "one leg, some items, version 4": (
        "M1GRANDMAIRE/MELANIE  EABC123 GVACDGAF 0123 339C002F0025 12F>400290571234567890  AF AF 1234567890123456    ^164"
        + SECURITY
    ),
    "two legs, some items, version 4": (
        "M2GRANDMAIRE/MELANIE  EABC123 GVACDGAF 0123 339C002F0025 12F>400290571234567890  AF AF 1234567890123456 20KDEF456 CDG"
        "DTWNW 0049 339F001A0002 12B29012098765432101                       2PC^164" + SECURITY
    ),
    "mandatory items, security data": MANDATORY + "^164" + SECURITY,
    "empty groups, version 6": "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 106>60000",
}

SHORTENED = (
    "M1GRANDMAIRE/MELANIE  EABC123 GVACDGAF 0123 339C002F0025 130>5002A0571234567890  AF AF 1234567890123456    Y^18ABCDEFGH"
)
"""KItinerary's cut of the fourth example: its security data announce 8Ah characters, and 7 follow."""
