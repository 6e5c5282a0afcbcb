"""Who a client is: the secrets and tokens it shows, kept as hashes only, and a limit on how often one may be wrong.

Knows no catalog: what is stored where, `operations` says.
"""
