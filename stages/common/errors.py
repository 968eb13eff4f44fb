"""The one exception that is meant for the user."""


class UserError(Exception):
    """A fault that the user can mend, told in one line: what, where, got, expected, how to mend it.

    `common.cli.run` prints it without a traceback and exits with 1. Every other exception is a bug
    and keeps its traceback.
    """
