"""The bytes behind compression, archives and encodings: all that lies around a reader."""
