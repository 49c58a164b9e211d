"""What a plugin needs, chosen once: locks (PEP 751) and all that talks to pip.

`locking` makes a location's lock from a `resolution`, `locks` reads and writes it, `freshness`
judges it, `targets` name interpreters in it; `fetching` brings its wheels, `building` makes those
that exist as source only. `pip` is the only door to pip.
"""
