"""Install time: plugin path -> plugins -> locks -> environments in the store.

Start reading at `plugin_path` (places and locations), `distributions` (metadata without
importing), `catalog` and `selection` (what there is, and which one a config means), `locks` and
`pip` (what a plugin needs), `store` and `environments` (where it lives), `sync` (all of it, for
one location). Nothing here prints, and nothing here imports plugin code.
"""
