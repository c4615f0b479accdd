"""The weights of the fusion: a file that counts only with the hash that `egate.faces.pad.fusion` names."""
