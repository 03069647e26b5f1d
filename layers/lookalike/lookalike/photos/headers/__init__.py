"""The headers of photos: what a file is, how large it is, and what decoding it may cost. Pure Python; nothing is decoded."""
