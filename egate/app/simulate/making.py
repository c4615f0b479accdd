"""From a recipe to a document: the State, the person, the chip, and what a reader has to trust to believe it.

Rule: everything follows from the recipe and the day; the only things that a seed does not fix are RSA keys and RSASSA-PSS salts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers.sim.passport.certification import SCHEMES, Deviation, SecurityObjectPlan
from drivers.sim.passport.chip_active import ActiveStyle
from drivers.sim.passport.chip_files import APPLICATION_ID
from drivers.sim.passport.chip_kinds import AgreementWay, ChipKind, PaceWay
from drivers.sim.passport.chip_options import Buffers, ChipOptions, encode_atr_info, encode_dir
from drivers.sim.passport.chip_verification import VerificationOffice
from drivers.sim.passport.issuer import Defect, DocumentPlan, PersonData, SimulatedIssuer
from drivers.sim.passport.personalisation import ChipPersonalisation
from drivers.sim.passport.signing import SeededEntropy
from egate.app.config import ConfigError
from egate.app.simulate.further_files import further_files
from egate.app.simulate.portrait import drawn_portrait, padded, read_portrait, size_of
from egate.app.simulate.recipe import FIVE_YEARS, Recipe
from egate.app.simulate.recipe_keys import ACTIVE_WORDS, AGREEMENT_WORDS, FORM_BY_WORD, PACE_WORDS
from egate.model.document import DocumentFormat, ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.quirks import Quirk

_CARD_NUMBER_DIGITS = 6


@dataclass(frozen=True, slots=True)
class SimulatedDocument:
    """A document that can lie on a reader: printed lines, chip, how the chip speaks, and the recipe's defect by its word."""

    lines: tuple[str, ...] = field(repr=False)
    personalisation: ChipPersonalisation
    options: ChipOptions
    defect: str = "none"
    trust_points: tuple[bytes, ...] = field(repr=False, default=())
    made_on: date = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """A document, the files for a reader's trust folder, and those for a terminal that may read DG3, by file name."""

    document: SimulatedDocument
    trust: Mapping[str, bytes] = field(repr=False)
    terminal: Mapping[str, bytes] = field(repr=False, default_factory=dict)


def make_document(recipe: Recipe, machine_day: date) -> MadeDocument:
    """The document of a recipe; raises ConfigError that names the key which cannot be.

    1. the State, with a new CSCA key where that is asked for; 2. the person; 3. the chip; 4. what to trust.
    """
    today = recipe.day("today", machine_day)
    defect = Defect(recipe.text("defect"))
    issuer = _state(recipe, today)  # 1
    trust = {}
    if recipe.switch("signature.rolled_over"):
        trust[f"csca-{issuer.certificate_country}-old.der"] = issuer.csca_certificate
        issuer, link = issuer.roll_over()
        trust[f"csca-{issuer.certificate_country}-link.der"] = link
    else:
        trust[f"csca-{issuer.certificate_country}.der"] = issuer.csca_certificate
    person = _person(recipe, today)  # 2
    options = _options(recipe)
    plan = DocumentPlan(_chip_kind(recipe, options), _security_object(recipe), defect, further_files(recipe, person, today))
    portrait = _portrait(recipe)
    try:  # 3
        lines = issuer.printed_lines(person)
        chip = issuer.personalise_as(person, padded(portrait, recipe.number("files.portrait_bytes")), size_of(portrait), plan)
    except MalformedData as error:
        raise ConfigError(f"document, holder: {error.problem}") from None
    document = SimulatedDocument(lines, _with_directory(chip, recipe), options, defect.value, made_on=today)
    trust |= _lists(issuer, defect, trust) | _signer(issuer, recipe)  # 4
    if recipe.switch("signature.deviation_listed"):
        listed = Deviation(document_type=f"{person.document_code:<<2}", document_numbers=(person.document_number,))
        trust[f"deviations-{issuer.certificate_country}.dl"] = issuer.deviation_list(listed)
    if not recipe.switch("chip.terminal_authentication"):
        return MadeDocument(document, trust)
    terminal = _terminal(recipe, issuer, today)
    return MadeDocument(replace(document, trust_points=(terminal["cvca.cvcert"],)), trust, terminal)


def _state(recipe: Recipe, today: date) -> SimulatedIssuer:
    scheme = SCHEMES[recipe.text("signature.scheme")]
    entropy = SeededEntropy(recipe.text("seed").encode("utf-8"))
    country = recipe.text("document.certificate_country")  # as written: issued certificates have lower case too
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ConfigError("document.certificate_country is two letters, as UT")
    try:
        return SimulatedIssuer.create(recipe.text("document.state").upper(), entropy, today, scheme, country)
    except ValueError:
        raise ConfigError("document.certificate_country: name the country of the certificates for this State") from None


def _person(recipe: Recipe, today: date) -> PersonData:
    form = FORM_BY_WORD[recipe.text("document.kind")]
    return PersonData(
        surname=recipe.text("holder.surname"),
        given_names=recipe.text("holder.given_names"),
        date_of_birth=recipe.day("holder.born", today),
        sex=recipe.text("holder.sex"),
        document_number=recipe.text("document.number").upper(),
        date_of_expiry=recipe.day("document.expires", today + FIVE_YEARS),
        nationality=recipe.text("holder.nationality"),
        optional_data=recipe.text("document.optional_data"),
        form=form,
        document_code=recipe.text("document.code") or ("P" if form is DocumentFormat.TD3 else "I"),
    )


def _portrait(recipe: Recipe) -> bytes:
    name = recipe.text("holder.portrait")
    return read_portrait(recipe.folder / name) if name else drawn_portrait()


def _chip_kind(recipe: Recipe, options: ChipOptions) -> ChipKind:
    ways = tuple(_named(PACE_WORDS[word], options) for word in recipe.words("access.pace"))
    words = recipe.words("chip.authentication")
    numbered = len(words) > 1
    agreements = tuple(
        AgreementWay(way.parameter_id, way.suite, number if numbered else None)
        for number, way in enumerate((AGREEMENT_WORDS[word] for word in words), 1)
    )
    if options.has(Quirk.PACE_ONLY) and not ways:
        raise ConfigError("chip.quirks: pace_only needs a way of PACE in access.pace")
    active = ACTIVE_WORDS.get(recipe.text("chip.active"))
    if active is not None:
        active = replace(active, stated=recipe.switch("chip.active_stated"))
    try:
        return ChipKind(
            pace=bool(ways),
            bac=recipe.switch("access.bac") and not options.has(Quirk.PACE_ONLY),
            chip_authentication=bool(agreements),
            active_authentication=active,
            ways=ways,
            agreements=agreements,
            terminal_authentication=recipe.switch("chip.terminal_authentication"),
        )
    except ValueError as error:
        raise ConfigError(f"chip.authentication: {error}") from None


def _named(way: PaceWay, options: ChipOptions) -> PaceWay:
    """The way as the chip's files write it: without its number where the chip has that quirk."""
    return replace(way, named=not options.has(Quirk.NO_PARAMETER_ID))


def _options(recipe: Recipe) -> ChipOptions:
    number = recipe.text("access.can")
    if number and not (len(number) == _CARD_NUMBER_DIGITS and number.isascii() and number.isdigit()):
        raise ConfigError("access.can is six digits in quotes")
    active = ACTIVE_WORDS.get(recipe.text("chip.active"))
    ways = [PACE_WORDS[word] for word in recipe.words("access.pace")]
    return ChipOptions(
        card_access_number=number,
        quirks=frozenset(Quirk(word) for word in recipe.words("chip.quirks")),
        largest_read=recipe.number("chip.largest_read"),
        short_blocks=recipe.number("chip.short_blocks"),
        unnamed_parameters=ways[0].parameter_id if ways else ChipOptions().unnamed_parameters,
        strict_lengths=True,
        active_style=ActiveStyle(
            active.digest if active else "sha256", recipe.switch("chip.active_der"), recipe.switch("chip.active_long_trailer")
        ),
    )


def _security_object(recipe: Recipe) -> SecurityObjectPlan:
    return SecurityObjectPlan(
        digest=recipe.text("signature.hash"),
        certificate_inside=recipe.switch("signature.certificate_inside"),
        by_key_identifier=recipe.switch("signature.by_key_identifier"),
        lds_version="0108" if recipe.text("signature.lds_version") == "1.8" else "",
    )


def _with_directory(chip: ChipPersonalisation, recipe: Recipe) -> ChipPersonalisation:
    """The chip with EF.DIR and EF.ATR/INFO; the latter also wherever buffers are stated."""
    sizes = (recipe.number("chip.command_bytes"), recipe.number("chip.response_bytes"))
    if any(sizes) and not all(sizes):
        raise ConfigError("chip.command_bytes and chip.response_bytes go together: state both or neither")
    try:
        buffers = Buffers(*sizes) if all(sizes) else None
    except ValueError as error:
        raise ConfigError(f"chip.command_bytes, chip.response_bytes: {error}") from None
    files = dict(chip.files)
    if recipe.switch("chip.directory"):
        files[ElementaryFile.DIR] = encode_dir(APPLICATION_ID)
    if recipe.switch("chip.directory") or buffers is not None:
        quirks = recipe.words("chip.quirks")
        files[ElementaryFile.ATR_INFO] = encode_atr_info(
            buffers, short_identifiers=Quirk.NO_SHORT_IDENTIFIERS.value not in quirks
        )
    return replace(chip, files=files)


def _lists(issuer: SimulatedIssuer, defect: Defect, cscas: Mapping[str, bytes]) -> dict[str, bytes]:
    """The master list and the revocation list of the State; with a foreign signer also that State's authority."""
    trusted = [der for name, der in cscas.items() if not name.endswith("-link.der")]
    found = {}
    if defect is Defect.FOREIGN_SIGNER:
        neighbour = issuer.neighbour()
        found[f"csca-{neighbour.certificate_country}.der"] = neighbour.csca_certificate
        trusted.append(neighbour.csca_certificate)
    links = [der for name, der in cscas.items() if name.endswith("-link.der")]
    revoked = (issuer.signer_serial_number,) if defect is Defect.REVOKED_SIGNER else ()
    found["master-list.ml"] = issuer.master_list(*trusted, *links)
    found[f"revocation-{issuer.certificate_country}.crl"] = issuer.revocation_list(*revoked)
    return found


def _terminal(recipe: Recipe, issuer: SimulatedIssuer, today: date) -> dict[str, bytes]:
    """A verifying State's certificates down to a terminal that may read fingerprints, and the terminal's key."""
    entropy = SeededEntropy(b"verification" + recipe.text("seed").encode("utf-8"))
    office = VerificationOffice.create(issuer.certificate_country, entropy, today)
    verifier = office.verifier(today)
    system = office.inspection_system(verifier, today)
    key = system.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "cvca.cvcert": office.root.certificate,
        "verifier.cvcert": verifier.certificate,
        "terminal.cvcert": system.certificate,
        "terminal-key.pem": key,
    }


def _signer(issuer: SimulatedIssuer, recipe: Recipe) -> dict[str, bytes]:
    """The document signer's certificate where EF.SOD does not carry it."""
    if recipe.switch("signature.certificate_inside"):
        return {}
    return {f"signer-{issuer.certificate_country}.der": issuer.signer.certificate}
