"""The rules of the lane by where the traveller is; the table names them."""
