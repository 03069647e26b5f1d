"""`python -m scripts.catalogue`: a module for each of its commands, and what they share.

- shop: the buckets and queues of a stack, or those that are named
- upload, with sources (folders, zips, buckets), addresses and downloads (pictures on the web), removals (what the source lacks)
- data: files of product data
- status, rejected, export: what the stores hold, by live_rows
- retry, with dead_letters: photos that are to be taken in again
- delete: photos of products
"""
