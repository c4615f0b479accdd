"""Somebody on the wire adds an offer of PACE whose domain parameters he made himself, and leaves the genuine offers in place."""

from __future__ import annotations

import pytest

from egate.mrtd.crypto.agreement import CurveAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.security_infos import (
    ECDH_CHIP_AUTHENTICATION,
    ECDH_GENERIC,
    PaceDomainParameters,
    PaceInfo,
    encode_security_infos,
    pace_oid,
    parse_card_access,
)
from egate.mrtd.pace_choice import choose_way
from tests.unit.mrtd.curves import PRIME239V1

GENUINE = PaceInfo(pace_oid(ECDH_GENERIC, CipherSuite.AES128), 2, 12)


@pytest.mark.parametrize("mapping", [ECDH_GENERIC, ECDH_CHIP_AUTHENTICATION], ids=["gm", "cam"])
def test_parameters_that_somebody_spelled_out_never_come_before_standard_ones(mapping: int) -> None:
    """A stronger cipher, a larger field, a mapping that is preferred: with a trapdoor in it our password would be guessed."""
    added = PaceInfo(pace_oid(mapping, CipherSuite.AES256), 2, 40)
    own = PaceDomainParameters(f"0.4.0.127.0.7.2.2.4.{mapping}", None, 40), CurveAgreement(PRIME239V1)
    choice = choose_way(parse_card_access(encode_security_infos((added, GENUINE), (own,))))
    assert choice.way is not None
    assert choice.way.info == GENUINE
    alone = choose_way(parse_card_access(encode_security_infos((added,), (own,)))).way
    assert alone is not None, "a chip that offers nothing else is read"
