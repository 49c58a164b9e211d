"""The loop that runs a segment inside the plugin's own interpreter: private to venvoy.

The worker starts it as `<env>/bin/python -I -S -B <api copy>/venvoy_host MODE …`. Standard library
only, Python 3.9 and later. In order of use::

    __main__    the entry: boot, then one mode
    boot        die with the parent, framework first, `site`, a clean sys.path
    first       the finder that serves `venvoy_api` and `venvoy_host` before anything else
    metadata    what `importlib.metadata` says about `venvoy-api`
    loading     an entry point's class, imported, or the reason why not
    verify      mode `verify`: import every entry point once, in a throw-away host
    zygote      mode `zygote`: import once, fork for each host
    serve       modes `connector` and `task`: from the start message to the last word
    session     the wish to stop, signals, streams, forks
    control     the control socket: length-prefixed JSON
    logs        the host's `logging` records, sent to the worker
    connector   mode `connector`: validate, start, task configs, stop
    frames      the binary frame: drawn there, laid down for good
    objects     records that cross between segments as a restricted pickle
    flow        data sockets and the window of what is on its way
    contexts    the API's contexts
    stages      transformations, predicates and converters of one segment, made and closed
    tolerance   what follows when a stage fails on one record
    source_chain, sink_chain   a batch's way through them
    source      mode `task`: poll, transform, convert, send
    middle      mode `task`: a segment between two others
    sink        mode `task`: receive, convert, transform, put
    reporter    records that a sink gives up by itself
    stdio       mode `stdio`: a connector without a worker, between stdin and stdout
    stdin_sink  its sink, when it is one

Everything up to `first` and `site` is `boot.prepare`, apart from `serve`: so a zygote can do it
once, import what it may, and fork for each task (design 8).
"""

__all__: list[str] = []
