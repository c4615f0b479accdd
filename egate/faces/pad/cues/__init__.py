"""Cues: each module takes a few measures of frames that tell pictures and screens from people; none decides anything."""
