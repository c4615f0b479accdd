"""The traveller's kiosk."""
