"""What a shift plays on: virtual time, one lane computer and the far ends of its wires, doors and documents, the steps so far."""
