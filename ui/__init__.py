"""The screens: thin clients over the local message socket."""
