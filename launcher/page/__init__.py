"""The page for people: what the worker knows, as HTML, and the buttons that steer it.

Served by REST's server beside its JSON, over the worker's two interfaces and nothing else. There is
no build step: Jinja2 renders `templates/`, `static/` has one stylesheet and one script. Every page
reads and every form works without the script; with it, forms act in place and what is shown
follows the worker.

In the order in which a request meets them::

    site         the pages, their paths, and what a page looks like that could not be made
    reading      what each page shows
    acting       what each form does; then the browser is sent to a page again
    throughput   records a second, from what tasks have counted
    connectors   a connector, its tasks and its pipeline, as rows
    versions     version keys, and which versions may be asked for
    documents    templates into answers, with the headers that guard them
"""

from launcher.page.site import pages

__all__ = ["pages"]
