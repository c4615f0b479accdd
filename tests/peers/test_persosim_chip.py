"""PersoSim (Java, secunet), a chip that we did not write, read by our terminal over the vpcd socket.

`EGATE_PEER_PERSOSIM` names a directory, or several separated by `:`, with PersoSim and what it needs as classes or jars.
It plays a German card: PACE with AES over brainpoolP256r1 and a CAN; its security object does not fit its data.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from drivers.reader.vpcd import VpcdConfig, VpcdReader
from egate.app.inspection import gather_chip
from egate.model.document import ChipEvidence, ElementaryFile, MrzInformation, ProtocolState
from egate.mrtd.reading import ReadRequest
from tests.unit.drivers.wires import TestClock, run

pytestmark = pytest.mark.foreign

SOURCE = Path(__file__).with_name("PersoSimChip.java")
OPENED = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.util", "java.math", "java.security", "java.security.spec", "javax.crypto.spec")
)
"""PersoSim copies its own state by reflection, which Java allows from version 17 on only where it is told to."""
PROFILE = "de.persosim.simulator.perso.Profile01"
CAN = "500540"  # of every card of PersoSim


def class_path() -> str:
    where = os.environ.get("EGATE_PEER_PERSOSIM")
    if not where:
        pytest.skip("EGATE_PEER_PERSOSIM does not say where PersoSim is")
    if shutil.which("java") is None:
        pytest.skip("there is no java (Debian package default-jdk-headless)")
    folders = [Path(name) for name in where.split(":")]
    return ":".join([str(path) for path in folders] + [str(jar) for folder in folders for jar in sorted(folder.glob("*.jar"))])


async def read_persosim(can: str) -> ChipEvidence:
    where = class_path()
    reader = VpcdReader(VpcdConfig(port=0, apdu_within_s=20), TestClock())
    await reader.start()
    command = (
        "java",
        *OPENED,
        "-cp",
        where,
        str(SOURCE),
        str(reader.address[1]),
        PROFILE,
    )
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    try:
        assert await reader.wait_for_chip(60)
        begun = asyncio.get_running_loop().time()
        information = MrzInformation("T22000129", "640812", "201031")
        request = ReadRequest(information, card_access_number=can, further_files=())
        evidence = await gather_chip(reader, request, lambda _: None)
        took_ms = (asyncio.get_running_loop().time() - begun) * 1000
        print(f"{reader.counters.exchanges} APDUs in {took_ms:.0f} ms", reader.max_response_bytes, evidence.protocols)  # noqa: T201
        print({file.name: len(data) for file, data in evidence.files.items()})  # noqa: T201
    finally:
        await reader.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
    return evidence


def test_a_foreign_card_is_read_with_its_card_access_number() -> None:
    evidence = run(read_persosim(CAN), 110)
    assert evidence.outcome("pace").state is ProtocolState.COMPLETED
    assert {ElementaryFile.CARD_ACCESS, ElementaryFile.DG1} <= set(evidence.files)
    assert b"MUSTERMANN<<ERIKA" in evidence.files[ElementaryFile.DG1]


def test_a_wrong_card_access_number_is_refused() -> None:
    evidence = run(read_persosim("500541"), 110)
    assert evidence.outcome("pace").state is not ProtocolState.COMPLETED
    assert ElementaryFile.DG1 not in evidence.files
