"""What the fork server of a sweep imports, so that no job has to.

An import that fails here, for want of memory say, fails again in the process that needs it, where it can be
told: here it would be a traceback from a process that nobody waits for.
"""

from contextlib import suppress

# Everything that a module may raise while it is imported.
with suppress(Exception):
    import relsym.app.train.steps
with suppress(Exception):
    import relsym.app.sweep.inspect
    import relsym.app.sweep.job  # noqa: F401
