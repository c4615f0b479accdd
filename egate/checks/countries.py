"""Which certificate country belongs to which issuing State.

The machine readable zone names the State by the codes of Doc 9303-3 §5 (ISO 3166-1 alpha-3 and ICAO's own), certificates by
two letters (Doc 9303-12 §7.1.1.1). Usually that is ISO 3166-1 alpha-2; the exceptions are below, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ISO_3166 = (
    "AAA:AA ABW:AW AFG:AF AGO:AO AIA:AI ALA:AX ALB:AL AND:AD ARE:AE ARG:AR ARM:AM ASM:AS ATA:AQ ATF:TF "
    "ATG:AG AUS:AU AUT:AT AZE:AZ BDI:BI BEL:BE BEN:BJ BES:BQ BFA:BF BGD:BD BGR:BG BHR:BH BHS:BS BIH:BA "
    "BLM:BL BLR:BY BLZ:BZ BMU:BM BOL:BO BRA:BR BRB:BB BRN:BN BTN:BT BVT:BV BWA:BW CAF:CF CAN:CA CCK:CC "
    "CHE:CH CHL:CL CHN:CN CIV:CI CMR:CM COD:CD COG:CG COK:CK COL:CO COM:KM CPV:CV CRI:CR CUB:CU CUW:CW "
    "CXR:CX CYM:KY CYP:CY CZE:CZ DEU:DE DJI:DJ DMA:DM DNK:DK DOM:DO DZA:DZ ECU:EC EGY:EG ERI:ER ESH:EH "
    "ESP:ES EST:EE ETH:ET FIN:FI FJI:FJ FLK:FK FRA:FR FRO:FO FSM:FM GAB:GA GBR:GB GEO:GE GGY:GG GHA:GH "
    "GIB:GI GIN:GN GLP:GP GMB:GM GNB:GW GNQ:GQ GRC:GR GRD:GD GRL:GL GTM:GT GUF:GF GUM:GU GUY:GY HKG:HK "
    "HMD:HM HND:HN HRV:HR HTI:HT HUN:HU IDN:ID IMN:IM IND:IN IOT:IO IRL:IE IRN:IR IRQ:IQ ISL:IS ISR:IL "
    "ITA:IT JAM:JM JEY:JE JOR:JO JPN:JP KAZ:KZ KEN:KE KGZ:KG KHM:KH KIR:KI KNA:KN KOR:KR KWT:KW LAO:LA "
    "LBN:LB LBR:LR LBY:LY LCA:LC LIE:LI LKA:LK LSO:LS LTU:LT LUX:LU LVA:LV MAC:MO MAF:MF MAR:MA MCO:MC "
    "MDA:MD MDG:MG MDV:MV MEX:MX MHL:MH MKD:MK MLI:ML MLT:MT MMR:MM MNE:ME MNG:MN MNP:MP MOZ:MZ MRT:MR "
    "MSR:MS MTQ:MQ MUS:MU MWI:MW MYS:MY MYT:YT NAM:NA NCL:NC NER:NE NFK:NF NGA:NG NIC:NI NIU:NU NLD:NL "
    "NOR:NO NPL:NP NRU:NR NZL:NZ OMN:OM PAK:PK PAN:PA PCN:PN PER:PE PHL:PH PLW:PW PNG:PG POL:PL PRI:PR "
    "PRK:KP PRT:PT PRY:PY PSE:PS PYF:PF QAT:QA REU:RE ROU:RO RUS:RU RWA:RW SAU:SA SDN:SD SEN:SN SGP:SG "
    "SGS:GS SHN:SH SJM:SJ SLB:SB SLE:SL SLV:SV SMR:SM SOM:SO SPM:PM SRB:RS SSD:SS STP:ST SUR:SR SVK:SK "
    "SVN:SI SWE:SE SWZ:SZ SXM:SX SYC:SC SYR:SY TCA:TC TCD:TD TGO:TG THA:TH TJK:TJ TKL:TK TKM:TM TLS:TL "
    "TON:TO TTO:TT TUN:TN TUR:TR TUV:TV TWN:TW TZA:TZ UGA:UG UKR:UA UMI:UM URY:UY USA:US UZB:UZ VAT:VA "
    "VCT:VC VEN:VE VGB:VG VIR:VI VNM:VN VUT:VU WLF:WF WSM:WS YEM:YE ZAF:ZA ZMB:ZM ZWE:ZW "
)
"""ISO 3166-1: alpha-3 and alpha-2."""


@dataclass(frozen=True, slots=True)
class CountryException:
    """An issuing State's code whose certificates have other countries than ISO 3166-1 would say, and where that is known from."""

    countries: frozenset[str]
    source: str


def _except(countries: str, source: str) -> CountryException:
    return CountryException(frozenset(countries.split()), source)


_CODES = "Doc 9303-3 §5"
_LISTS = "certificates in the German master list of 2024"

EXCEPTIONS: Mapping[str, CountryException] = MappingProxyType(
    {
        "D": _except("DE", f"{_CODES}: Germany prints one letter"),
        "GBD": _except("GB", f"{_CODES} part D: British overseas territories citizen"),
        "GBN": _except("GB", f"{_CODES} part D: British national (overseas)"),
        "GBO": _except("GB", f"{_CODES} part D: British overseas citizen"),
        "GBP": _except("GB", f"{_CODES} part D: British protected person"),
        "GBS": _except("GB", f"{_CODES} part D: British subject"),
        "BMU": _except("BM GB", f"{_LISTS} of 2026: CSCA of Bermuda, organisation UKKPA"),
        "GGY": _except("GG GB", "the United Kingdom signs for its Crown dependencies"),
        "IMN": _except("IM GB", "the United Kingdom signs for its Crown dependencies"),
        "JEY": _except("JE GB", "the United Kingdom signs for its Crown dependencies"),
        "GIB": _except("GI GB", "the United Kingdom signs for its overseas territories"),
        "CHN": _except("CN HK MO", f"{_LISTS}: Hong Kong and Macao print CHN, with CSCAs of their own whose country is CN"),
        "HKG": _except("HK CN", f"{_LISTS}: country CN, organisation Hong Kong China"),
        "MAC": _except("MO CN", f"{_LISTS}: country CN, organisation Macao SAR"),
        "TWN": _except("TW", f"{_LISTS}: country TW"),
        "PSE": _except("PS", "ISO 3166-1"),
        "ROM": _except("RO", "ISO 3166-1 until 2002; such passports and lower-case ro are met"),
        "ROU": _except("RO", f"{_LISTS}: also in lower case"),
        "ZAR": _except("CD", "ISO 3166-1 until 1997: Zaire, now the Democratic Republic of the Congo"),
        "RKS": _except("KS XK", f"{_LISTS}: country KS; XK is the code of the European Commission"),
        "XKX": _except("KS XK", "used for Kosovo beside RKS"),
        "XK": _except("KS XK", "used for Kosovo beside RKS"),
        "UNO": _except("UN ZZ", f"{_CODES} part C: United Nations; ZZ in the Dutch master list of 2021"),
        "UNA": _except("UN ZZ", f"{_CODES} part C: specialised agency of the United Nations"),
        "UNK": _except("UN ZZ", f"{_CODES} part C: travel documents of the United Nations mission in Kosovo"),
        "IAO": _except("UN IA", f"{_CODES}: ICAO, an agency of the United Nations"),
        "EUE": _except("EU", f"{_LISTS}: laissez-passer of the European Union"),
        "XOM": _except("XO XOM", f"{_CODES} part C: Order of Malta; organisations sign with two letters or with their own three"),
        "XPO": _except("XP XPO", f"{_CODES} part C: Interpol"),
        "XCE": _except("XE XCE", f"{_CODES} part C: Council of Europe"),
        "XCO": _except("XC XCO", f"{_CODES} part C: Common Market for Eastern and Southern Africa"),
        "XCC": _except("XC XCC", f"{_CODES} part C: Caribbean Community"),
        "XEC": _except("XEC", f"{_CODES} part C: Economic Community of West African States"),
        "XES": _except("XES", f"{_CODES} part C: Organization of Eastern Caribbean States"),
        "XMP": _except("XMP", f"{_CODES} part C: Parliamentary Assembly of the Mediterranean"),
        "XBA": _except("XBA", f"{_CODES} part C: African Development Bank"),
        "XIM": _except("XIM", f"{_CODES} part C: African Export-Import Bank"),
        "XDC": _except("XDC", f"{_CODES} part C: Southern African Development Community"),
        "UTO": _except("UT", f"{_CODES} part E: ICAO's specimens; no trust store but the demo's should hold it"),
    }
)
"""The exceptions. XXA, XXB, XXC and XXX are nationalities and issue nothing, so as an issuing State they are unknown codes."""

_COUNTRIES = {pair[:3]: frozenset({pair[4:]}) for pair in "".join(_ISO_3166).split()} | {
    code: entry.countries for code, entry in EXCEPTIONS.items()
}


def certificate_countries(issuing_state: str) -> frozenset[str]:
    """The countries, in upper case, that the CSCA of an issuing State may have; empty for a code that is not known."""
    return _COUNTRIES.get(issuing_state.rstrip("<").upper(), frozenset())
