"""The conformance kit: what every driver of a serial line must do, checked on the driver as it is and said in words."""
