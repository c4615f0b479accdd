"""Document readers: chip readers and MRZ readers."""
