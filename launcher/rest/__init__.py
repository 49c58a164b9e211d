"""Kafka Connect's REST API over a standing worker, and nothing but its interface.

In the order in which a request meets them::

    listeners       sockets, bound before the worker is made; what may be bound at all
    server          uvicorn on each of them, in the worker's own event loop
    application     Starlette: middleware, the route table, what becomes of an exception
    browsers        who may call from a browser: cross-site requests, rebound names, CORS
    authentication  Basic authentication against a file of users
    paths           names with slashes, spaces and any alphabet in the path
    operation       what an endpoint is: path, parameters, body, answers, and the function
    pages           where HTML is asked for; what it says is `launcher.page`'s
    connectors, offsets, motion, plugins, loggers, about
                    the endpoints, each with its entry of the route table
    shapes          JSON bodies, read and checked
    schemas, openapi
                    the same shapes for machines: `/openapi.json`
    metrics         `/metrics`, for Prometheus
"""

from launcher.rest.config import ListenerConfig, RestConfig
from launcher.rest.listeners import BoundListener, bind_listeners
from launcher.rest.server import serve

__all__ = ["BoundListener", "ListenerConfig", "RestConfig", "bind_listeners", "serve"]
