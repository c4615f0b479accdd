"""Who signed a document: certificates, trust store, passive authentication."""
