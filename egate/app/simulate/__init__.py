"""Making and serving simulated documents, for testers of readers."""
