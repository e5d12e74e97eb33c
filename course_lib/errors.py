"""The one exception a learner is meant to read."""


class CourseError(Exception):
    """Something the reader can put right. The message says what was found, what was expected, and what to do.

    The command line prints it without a traceback and exits with status 2; a notebook shows it as it is.
    """
