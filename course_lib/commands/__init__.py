"""The commands of `python -m course_lib`, one module each, with a frozen dataclass `Options` and `run(options)`."""
