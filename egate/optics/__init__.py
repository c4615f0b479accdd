"""Reading the machine readable zone from the picture of a page."""
