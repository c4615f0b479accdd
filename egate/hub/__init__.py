"""The centre: verifies, keeps a ledger, answers with signed receipts."""
