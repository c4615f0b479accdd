"""Coverage-guided fuzzing of every parser of foreign bytes: `make fuzz`."""
