"""Certificates and proofs of terminal authentication that others made: values published by a standard, and two real CVCAs.

Sources: the worked examples of extended access control (elliptic and with RSA) that accompany BSI TR-03110, as OpenPACE carries
them in its tests; the self-signed certificates of Germany's CVCAs for passports and for identity cards of 2010, as published by
the BSI. Nobody here made them, so they prove that certificates, keys and the signed message are understood as the standard means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from egate.model.errors import TrustError
from egate.mrtd.terminal_auth import compressed_key, parse_sent_certificate
from egate.pki.cvc import AUTHENTICATION_TERMINAL_OID, INSPECTION_SYSTEM_OID, Role, parse_certificate
from egate.pki.cvc_chain import trust_point, verify_chain
from egate.pki.cvc_keys import completed, encode_key, verify_message


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """One run: certificates from the CVCA to the terminal, the keys of the session, challenge and signature."""

    cvca: bytes
    verifier: bytes
    terminal: bytes
    chip_ephemeral: bytes
    terminal_ephemeral: bytes
    challenge: bytes
    signature: bytes
    variant: str


ELLIPTIC = WorkedExample(
    bytes.fromhex(
        "7f218202f37f4e82026a5f290100420d444543564341415430303030317f4982021f060a04007f000702020202058140aadd9db8dbe9c48b"
        "3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3"
        "82407830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2"
        "c7b9e7c1ac4d77fc94ca83403df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca"
        "dc083e67984050b75ebae5dd2809bd638016f7238481810481aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098e"
        "ff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f8227dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1a"
        "a000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad808928540aadd9db8dbe9c48b3fd4e6ae33c9"
        "fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca900698681810464f0"
        "9c617c0d5a4e2e88b2598af06860440c07c5ed353a18a14e938a6cbce30594d94079594ccfaefe28d9aac9ac1bd37c89b6ccbd10b14fc3aa"
        "19deb1fd03ea151a42b892547a339618c4c9f26fa983855d893f81413cd320ea4230d3415ebccdb5908d91dc23c6566f47b8a0e0a19c175b"
        "dc775d8824676aacfaedea0c160e8701015f200d444543564341415430303030317f4c0e060904007f0007030102015301c35f2506010000"
        "0903005f24060101000902055f378180a5e72244d0ac9cd3e8fe9b878ea32a24f4aa060fd17c2a8291d9797e8a60f28a2978e3f4eae840e9"
        "5b6a64fda44d8d39a699521cd5382203964945150a6cc4a50c49ee234ab36df675e44c11499080676dd5b3ac1859d98b302ca9605cd94a51"
        "d7da5738beaa49848bca7777b7dc9accdaa1d0b64432b2c13889a4854c9ff346"
    ),
    bytes.fromhex(
        "7f218201667f4e81de5f290100420d444543564341415430303030317f498190060a04007f00070202020205868181040a74972e84b7d2c4"
        "28fbe46d40c92d6cb56ae6a4b0af5b8bc0927e5ef6f73220776d31693e36d685df6cf3763e41728d967dc1963f7ca70f0ea7adb5ea856d8a"
        "133b867b8ef4132e7ffa3e8f32cd0321fc22199b9323376e59d84a062491948117178bf4db6c0ee7a235bfc3d4459183d408232ac781c78c"
        "f5c54e2ff35ba5165f200d444554455354445644453031397f4c12060904007f0007030102025305801fffff105f25060100000903005f24"
        "060100010003005f37818098c637befa63058921902896a605206d5be3bff2f7e258eb0bb06ea7e84dfbc98e35276110c684bb23d277350e"
        "3862e6a30520808f417b8911985880a556e1758c7fe6545b3da03383bd7b5b51dec007139cbc44ff320f84f2b6ad44c7b28fcaeb2b7b98e3"
        "a2bae8322b115a8f10d48349281b4f4645c9aae307cfae9ad6b194"
    ),
    bytes.fromhex(
        "7f218201667f4e81de5f290100420d444554455354445644453031397f498190060a04007f00070202020205868181043385b484e8e994c9"
        "3f55adf4a9c92da3c063ac7d744e85d38ee070bf6ff8d7aba2de688724b27d6bae2b1c8ae074c09bb8808cc83036b0692898711d3f6fc321"
        "3846e14b3154845084dfbc0eb70ae2bdea8eebd6796acfa4c56f5703ce5a6efe0a266e43c3f71a1b7eec60e5c6f0850dc4d3455f53282c9f"
        "bca85dc947d13bee5f200d444554455354415444453031397f4c12060904007f000703010202530500000001105f25060100000903005f24"
        "060100010003005f37818034bb8c280a7a593cf7c7e9f375ffffbfd92c4e3f6188a44824215e11ef47d03428cfc91936a2609c742ef92c59"
        "68bce65ba42aed7aad70b7b2a31201dc152cec930d7d7954bfbe0021ad1fd2acaa6c349a6c2fb86514b9f03dfab99871fbd990dd8416d3ed"
        "a2883ebd0b94401a7dbfe16e5a1db643ee7c2fc0d5d77bae3666af"
    ),
    bytes.fromhex(
        "04282cf38073036afac216af135bd994da0c357f10bd4c34afea1042b2eb0fd6804df3658b835ac2e7133f13691184542bb50b109963a466"
        "2abdc08b9763af4b5b"
    ),
    bytes.fromhex(
        "045a7a377fc9cafc03ac7ff45441a8b2909d88eab8e6b0173847ab49b949df3799a34ee57ec55268cf8b1c3ec489f8bf4cf4c68d3fd9670e"
        "89c0d5d3fff1aaf89f"
    ),
    bytes.fromhex("547e4eab03b235d2"),
    bytes.fromhex(
        "81a2d9e5891b86a0f01add0341c89d6e9ef3e20c223884f27b2f2040e9721c46c9c3cf7c0ee0a422263ba6f1eafc693bd8738f34760b5998"
        "584f58dd25b8d60d99d7c45957c2e2f10c0e5f91a8dc88bd7cfa33cbf784a9da83c800324165179dbe71c69b2c0fd811270e436c43278184"
        "ddb542142342dbf156e82d2a1bc19085"
    ),
    "ecdsa-sha512",
)
RSA = WorkedExample(
    bytes.fromhex(
        "7f2182016a7f4e81e25f290100420f4445544553544356434130303030337f498194060a04007f00070202020101818180b5ada440f26480"
        "3dbeec57ab1ffbd12b42687423ec299dd52a6bb0345193d1e2a5bbc11955908a08760f400fa03d56097b5f2165648d85071a80a1b66ffa93"
        "21526dda41e146d532991ca0c1dcfc8d0bbe298c1f0edb57400faed67e135d542471c82e351b06d43c946604fcbd5045056c4b8a7b98ec38"
        "72e41bb3d7a591ccad82030100015f200f4445544553544356434130303030337f4c0e060904007f0007030102015301c35f250601000003"
        "02045f24060101000301095f378180a27ed830e99082e5813068b9b21662444ed1c8713aba71985b5288f376423608b8eec825173862f8df"
        "9f259bcd611c96a2dba86ac6c48a3310cfd6fade9b4bd02bb520367ad90b379f6d35ad01d406f8cb1d94d025730a98d7dfbe3b0f74183531"
        "de6e699d23652ce39067635a8d176c66064b79b7271a0ee600bac94ad51e4f"
    ),
    bytes.fromhex(
        "7f2182016c7f4e81e45f290100420f4445544553544356434130303030337f498194060a04007f00070202020101818180a08c4d11d699f4"
        "25b0e743bba4f2196e05bc9ef24f53a6744290e6556e83e90577a930ec314a4f9f0333a0a01993110ec63486df607fd7b3047479b0ec0904"
        "acf8b6265cd0abc3538f4d72395dd5f1e7a10818a7faa01d25ff25bc6bf19ce86a208233c5437ff990fe94d1c25d59bedb6ae79e4a76de22"
        "79fcd6a5a3d66ff5f982030100015f200d444554455354445644453031397f4c12060904007f0007030102025305801fffff105f25060100"
        "000302045f24060100000402045f3781806b950f1fa8fef861eea75765c2805d79bb5d0d60878e930a8c17d3f92dcc2be9547d31e4126b75"
        "10c35927e824bd0c64dc3396f5392aacf6f6499f1d88cafad94ca61624b6637c751bd035fc084bb89f50a900ecc18071258b316bdf3af9d6"
        "1092a150056429e02d1a70dfc11e77d0fbba00cb700a63209805968dbd17d36e75"
    ),
    bytes.fromhex(
        "7f2182016a7f4e81e25f290100420d444554455354445644453031397f498194060a04007f000702020201018181809f7ef68e153db4fd10"
        "84ddedbeae842c556d419fcb5ef621aa3751f0fc0cfd714fc0e768866b3f44e2725af0351a97edb1ba88dfdd9b4d81d408fe0763346a772c"
        "f64616465c8fd971b775d2e13426c5bc11894795c5ad2c3e426837f3a1019fe95124ea5d433e906d7993496321efcbdbc32d93c0680b45f3"
        "b8f64a5dafcfb982030100015f200d444554455354415444453031397f4c12060904007f000703010202530500000001105f250601000003"
        "02045f24060100000402045f3781808cb16126a1fdbb8248c88bdb1fb1199c3f253856fe10835f7bff62a30bd281b8a1f0fe0381a5b0a426"
        "51f77df7215221f0ede488e689ea45cee20b19c7b1d1edb6ac21f34088819f6fd5dc333109e15a15dff685a2b69d17d5e23dafe363a8e763"
        "31cc25b913fb6ed830eb457ad0a67396a190cae39cc6c2e4671e6052d3c22d"
    ),
    bytes.fromhex(
        "075693d9ae941877573e634b6e644f8e60af17a0076b8b123d9201074d36152bd8b3a213f53820c42adc79ab5d0aeec3aefb91394da476bd"
        "97b9b14d0a65c1fc71a0e019cb08af55e1f729005fba7e3fa5dc41899238a250767a6d46db974064386cd456743585f8e5d90cc8b4004b1f"
        "6d866c79ce0584e49687ff61bc29aea1"
    ),
    bytes.fromhex(
        "a2830947a6fcaacde2fcb88b29ab38e07c3453abc4bcb466087e11c79f32a19e6ef22be108f8dd18fe8249c960951511200dc985aa3ec0cc"
        "ad59a5f9bbcc33ee5f1577e20330b4dd10eb06b740277c97a189180ede52bee9d429f10fb77f180f05d6a99c499cb5e1eceeb8e92284f66e"
        "a98479674ce73f53c567a03b0d297833"
    ),
    bytes.fromhex("fc210c174a801d46"),
    bytes.fromhex(
        "37c7360c55579de28a41df8a1d17032c4b9f90df7f646df33f77ef976ae4c45cdba3776399648c755043790f0f19bfc146d053b77036ca9b"
        "24bfb4b7934fac042671e23be6e3ca2b246ce2066c1f0550383418192f06d6ad6c0acb1e70bdead60ea10b31e074f49e5e8aeb54e6f4f83c"
        "e998957953f97f870058013d0e745d0a"
    ),
    "rsa-sha1",
)
GERMAN_PASSPORTS = bytes.fromhex(
    "7f218201b67f4e82016e5f2901004210444543564341455041535330303130327f4982011d060a04007f000702020202038120a9fb57dba1"
    "eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e537782207d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b"
    "44f330b5d9832026dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b68441048bd2aeb9cb7e57cb2c4b482ffc81"
    "b7afb9de27e1e3bd23c23a4453bd9ace3262547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f0469978520a9fb57db"
    "a1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7864104433edcc93e73e8e292f4d941ed06580e568f7f09fc5ec34e90"
    "6e5a61ae83108fa276952fbda14ffe47fd08ec42a820c773b22702fc47bff1a1d34160b64623d78701015f20104445435643414550415353"
    "30303130327f4c0e060904007f0007030102015301c15f25060100010001085f24060103010001085f374090d5e171ebb2ce749fb315b313"
    "299fa904241dde271bf5c6819c8fcde7bb4cb477623f1ccdd71ad3da90fa4c48e58a96c74feadce385e4a2779822b479fa4ae4"
)
GERMAN_IDENTITY_CARDS = bytes.fromhex(
    "7f218201b67f4e82016e5f290100420e44454356434165494430303130327f4982011d060a04007f000702020202038120a9fb57dba1eea9"
    "bc3e660a909d838d726e3bf623d52620282013481d1f6e537782207d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f3"
    "30b5d9832026dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b68441048bd2aeb9cb7e57cb2c4b482ffc81b7af"
    "b9de27e1e3bd23c23a4453bd9ace3262547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f0469978520a9fb57dba1ee"
    "a9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a78641043347ecf96ffb4bd9b8554efbccfc7d0b242f1071e29b4c9c622c79"
    "e339d840af67beb9b912692265d9c16c62573f4579ffd4de2de92bab409dd5c5d48244a9f78701015f200e44454356434165494430303130"
    "327f4c12060904007f0007030102025305fe0f01ffff5f25060100010001085f24060103010001085f37405067145c68cae9520f5bb34817"
    "f1ca9c43593db56406c6a3b006cbf3f314e7349acf0cc6bfebcbdefd10b4dcf0f231da56977d88f9f90182d199076a56506451"
)

EXAMPLES = pytest.mark.parametrize("example", [ELLIPTIC, RSA], ids=["elliptic", "rsa"])


@EXAMPLES
def test_each_certificate_verifies_under_the_one_before(example: WorkedExample) -> None:
    root, verifier, terminal = (parse_certificate(one) for one in (example.cvca, example.verifier, example.terminal))
    assert [one.role for one in (root, verifier, terminal)] == [Role.CVCA, Role.DOMESTIC_VERIFIER, Role.TERMINAL]
    for issuer, one in ((root, root), (root, verifier), (verifier, terminal)):
        assert one.authority_reference == issuer.holder_reference
        verify_message(completed(issuer.key, root.key), one.body, one.signature)
        with pytest.raises(TrustError):
            verify_message(completed(issuer.key, root.key), one.body + b"\x00", one.signature)


@EXAMPLES
def test_the_terminals_signature_covers_identifier_challenge_and_compressed_key(example: WorkedExample) -> None:
    """ID_IC ‖ r_IC ‖ Comp(PK_IFD), with the chip's ephemeral key of PACE as identifier (§3.5)."""
    key = completed(parse_certificate(example.terminal).key, parse_certificate(example.cvca).key)
    identifier, ephemeral = compressed_key(example.chip_ephemeral), compressed_key(example.terminal_ephemeral)
    verify_message(key, identifier + example.challenge + ephemeral, example.signature)
    for wrong in (ephemeral + example.challenge + identifier, identifier + bytes(8) + ephemeral):
        with pytest.raises(TrustError):
            verify_message(key, wrong, example.signature)


@EXAMPLES
def test_what_is_encoded_again_is_what_came(example: WorkedExample) -> None:
    for data in (example.cvca, example.verifier, example.terminal):
        parsed = parse_certificate(data)
        assert parsed.encoded == data
        assert encode_key(parsed.key, parameters=parsed.role is Role.CVCA) in data
        sent = parse_sent_certificate(data)
        assert (sent.variant, sent.holder_reference.decode()) == (example.variant, parsed.holder_reference)


@EXAMPLES
def test_a_chain_of_two_terminal_types_is_refused(example: WorkedExample) -> None:
    """The examples put an authentication terminal below a CVCA for inspection systems; §2.6 forbids to mix them."""
    root, verifier, terminal = (parse_certificate(one) for one in (example.cvca, example.verifier, example.terminal))
    assert root.authorization.terminal_oid == INSPECTION_SYSTEM_OID
    assert verifier.authorization.terminal_oid == AUTHENTICATION_TERMINAL_OID
    with pytest.raises(TrustError, match="another type of terminal"):
        verify_chain([verifier, terminal], [trust_point(root)], terminal.first_day)


def test_a_real_cvca_of_passports() -> None:
    certificate = parse_certificate(GERMAN_PASSPORTS)
    point = trust_point(certificate)
    assert point.reference == "DECVCAEPASS00102"
    assert (point.authorization.reads_fingerprints, point.authorization.reads_irises) == (True, False)
    assert (certificate.first_day, point.last_day) == (date(2010, 10, 18), date(2013, 10, 18))
    assert point.last_day - certificate.first_day > timedelta(days=3 * 365)


def test_a_real_cvca_of_identity_cards_gives_no_right_to_fingerprints() -> None:
    point = trust_point(parse_certificate(GERMAN_IDENTITY_CARDS))
    assert point.authorization.terminal_oid == AUTHENTICATION_TERMINAL_OID
    assert not point.authorization.reads_fingerprints
    assert not point.authorization.reads_irises
