"""Error rates of a face engine on labelled pictures, as ISO/IEC 19795-1 reports them: counted, never estimated from a curve."""
