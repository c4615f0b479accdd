"""Checks of what is printed: check digits and the date of expiry (TR-03135-1 §3.7, Doc 9303-3 §4)."""

from __future__ import annotations

from datetime import date

from egate.checks.catalogue import finding, success
from egate.model.checks import Check, CheckName
from egate.model.document import Mrz
from egate.mrtd.files.mrz_dates import expiry_date


def check_mrz_digits(mrz: Mrz | None) -> Check:
    """Whether every check digit adds up; the detail names the fields that do not, or those that add up as corrected."""
    name = CheckName.MRZ_CHECK_DIGITS
    if mrz is None:
        return finding(name, "mrz_not_read")
    if mrz.failed_check_digits:
        return finding(name, "mrz_check_digit_wrong", ", ".join(mrz.failed_check_digits))
    return success(name, f"corrected: {', '.join(mrz.corrections)}" if mrz.corrections else "")


def check_expiry(mrz: Mrz | None, chip_mrz: Mrz | None, today: date) -> Check:
    """Whether the document is in date: on its day of expiry it still is. Print and chip must both say so."""
    name = CheckName.DOCUMENT_EXPIRY
    sources = [source for source in (mrz, chip_mrz) if source is not None]
    if not sources:
        return finding(name, "mrz_not_read")
    dates = [expiry_date(source.date_of_expiry) for source in sources]
    if any(expiry is not None and expiry < today for expiry in dates):
        return finding(name, "document_expired")
    if None in dates:
        return finding(name, "expiry_unreadable")
    return success(name)
