"""What can be asked of a standing worker, what it tells, and what it refuses.

`connectors` and `motion` are its two doors; `views` and `move` what comes out, `faults` what does
not. Nothing here knows how a worker does it: REST, the page, storage and validation meet here.
"""

__all__: list[str] = []
