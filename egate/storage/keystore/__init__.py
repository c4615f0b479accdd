"""Where secret keys live: a keystore file for this account alone, or a PKCS#11 token that never gives them away (L6)."""
