"""Install time: plugin path -> plugins -> locks -> environments in the store.

Read `plugins` (what there is), `interpreters` (what it may run on), `locks` (what it needs),
`store` (where it lives), then `sync`: all of it, for one location. `proc` is the one door to child
processes, `fs` to publishing and removing, `digests` to hashes, `errors` the base of every fault.
Nothing here prints, and nothing here imports plugin code.
"""
