"""The loop that runs a segment inside the plugin's own interpreter: private to venvoy.

The worker starts it as `<env>/bin/python -I -S -B <api copy>/venvoy_host MODE …`. Standard library
only, Python 3.9 and later. In order of use::

    __main__    the entry: boot, then one mode
    boot        die with the parent, framework first, `site`, a clean sys.path
    first       the finder that serves `venvoy_api` and `venvoy_host` before anything else
    loading     an entry point's class, imported, or the reason why not
    verify      mode `verify`: import every entry point once, in a throw-away host
    control     the control socket: length-prefixed JSON
    logs        the host's `logging` records, sent to the worker
    frames      the binary frame: drawn there, laid down for good
    objects     records that cross between segments as a restricted pickle
    flow        data sockets with credit windows
    stages      transformations, predicates and converters of one segment
    source      mode `task`: poll, transform, convert, send
    middle      mode `task`: a segment between two others
    sink        mode `task`: receive, convert, transform, put
    connector   mode `connector`: validate, start, task configs, stop
"""

__all__: list[str] = []
