"""What a chip stores and a page prints: TLV, MRZ, the logical data structure, faces, security infos."""
