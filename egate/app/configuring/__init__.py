"""Changing a lane's configuration: list what is wrong, say what changed, apply it so that it undoes itself."""
