"""The composition root: command line, configuration, wiring, controller, demo."""
