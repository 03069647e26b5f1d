"""Work on many machines at once, by Ray Data: the commands of `scripts.bulk`.

running.py      Ray, on this machine or a cluster
inventory.py    listings of the catalogue: S3's, or those of S3 Inventory
pieces.py       photos dealt out in pieces, and how each piece ended
embedding.py    pieces embedded by a pool of workers, and appended to the log
"""
