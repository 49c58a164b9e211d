"""Build time: a location -> a wheelhouse -> one reproducible `.pyz`, and back."""
