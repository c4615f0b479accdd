"""For the technician: what is plugged in, who holds it, what answers on it, and whether it answers well."""
