"""`venvoy demo`: two versions of a source and of a sink at once, on a real table."""


def run_demo(keep):
    return 0
