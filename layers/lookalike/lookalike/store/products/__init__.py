"""The store of product data: the protocol of the stores of photos, with a data file in the place of a photo.

A key is the key of a data file, and a row is that file at one moment, with all its products as a table. The newest row of each
key is live. The product data is the merge of all live tables in the order of their keys.
"""

PRODUCTS = "products/"
"""The prefix of product data in the store bucket: it depends on no model."""
