"""Receipts on a file beside the log, for a sync process that has no controller to talk to.

The controller reads the file when it starts and prunes with its own connection. The file is replaced in one step, so it holds
a whole receipt or the one before.
"""

from __future__ import annotations

import os
from pathlib import Path

from egate.model.crossing import Receipt
from egate.model.errors import DeviceError
from egate.sync.messages import RECEIPT_LIMIT_BYTES, encode_receipt, parse_receipt


def receipt_path(log: Path) -> Path:
    """Where the receipts of a log lie."""
    return log.with_name(log.name + ".receipt")


def store_receipt(path: Path, receipt: Receipt) -> None:
    """Replace the stored receipt; durable when this returns. Raises DeviceError."""
    data, draft = encode_receipt(receipt), path.with_name(path.name + ".new")
    try:
        if path.exists() and path.read_bytes() == data:
            return
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "input/output error") from None


def load_receipt(path: Path) -> Receipt | None:
    """The stored receipt, None when there is none; raises DeviceError or MalformedData. Its signature is not verified yet."""
    try:
        with path.open("rb") as file:
            data = file.read(RECEIPT_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "input/output error") from None
    return parse_receipt(data)
