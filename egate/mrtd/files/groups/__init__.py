"""Data groups beyond the machine readable zone and the keys: biometrics, displayed images, details, persons to notify."""
