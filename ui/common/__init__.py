"""What all screens share: socket client, theme, fonts, translation, widgets."""
