"""What a screen may know and ask: messages, codec, socket server."""
