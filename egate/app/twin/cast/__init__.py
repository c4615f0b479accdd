"""Who and what acts in a shift: travellers, officers, faults."""
