"""Profiles that come with the project; an agency writes its own file and names it in the configuration."""
