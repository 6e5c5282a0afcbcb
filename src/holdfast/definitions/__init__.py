"""The definition language: what a YAML document may say, its expressions, selectors and identities, and the library."""
