"""One face against many (1:N): exact, sealed at rest, with limits that are rates; whatever it finds is for an officer's eyes."""
