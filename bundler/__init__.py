"""Build time: a location -> a wheelhouse -> one reproducible `.pyz`, and back.

`contents` decides what goes into a bundle, `archive` lays the bytes down, `bundle` writes one and
compares two; `stub/` is what runs inside it, without venvoy. `vendoring` and `wheelhouse` bring
together what a location will ever need, `transfer` carries locations to another site, and
`checking_repository`, `inventory`, `sbom` and `difference` tell what is there.
"""
