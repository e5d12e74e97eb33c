"""The judge of the exercises, and the claims that hold the text to its numbers."""

from course_lib.checks.claims import claim
from course_lib.checks.judge import CheckResult, check
from course_lib.checks.registry import EXERCISES, Exercise, register_lessons

__all__ = ["EXERCISES", "CheckResult", "Exercise", "check", "claim"]

register_lessons(__name__, __path__)
