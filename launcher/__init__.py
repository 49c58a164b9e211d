"""Run time: a connector's config -> a version -> an environment -> running tasks.

In the order in which things happen::

    interface   what can be asked of a standing worker, and what it tells
    settings    the worker's own config, and the only reader of the environment
    configs     what a connector's config asks for
    planning    which stage runs in which location's environment
    hosts       processes that run plugin code, and the frames and messages between
    storage     topics, offsets, configs, states
    tasks       connectors and tasks at run time
    validation  configs checked as Kafka Connect checks them, by plugins in their own versions
    worker      drives it all: one run to its end, or standing
    rest        Kafka Connect's REST API over the interface; `page` is for people
    cli         the command line; `commands` does what it says, `render` alone prints
    shared      exactly what a plugin sees of us
"""
