"""`python -m course_lib COMMAND`: the course without a browser.

Each command is one module of `course_lib.commands` with a frozen dataclass `Options` and `run(options)`, which prints
for people and returns the same as JSON values. Only the module of the command that was asked for is imported.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from course_lib.errors import CourseError

COMMANDS = {
    "lab": "open the course in JupyterLab",
    "train": "pretrain a language model from random weights",
    "generate": "let a trained model continue a text",
    "export": "write a trained model's weights into one file",
    "evaluate": "measure a trained model on the validation text",
    "exercises": "list the exercises",
    "progress": "show which exercises are solved",
    "plan": "say what a training run would need: memory, days, cost",
    "tokenize": "turn large corpora into token files",
    "doctor": "say what is missing here and how to get it",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: As typed after `python -m course_lib`; None: those of this process.

    Returns:
        The exit status: 0 done, 2 an error that the message explains, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its number
    try:
        command = _parser().parse_args(arguments[:1]).command
        as_json = "--json" in arguments
        module = import_module(f"course_lib.commands.{command}")
        options = _options(command, module, [argument for argument in arguments[1:] if argument != "--json"])
        if not as_json:
            module.run(options)
            return 0
        with contextlib.redirect_stdout(sys.stderr):
            result = module.run(options)
        print(json.dumps(result, allow_nan=False), flush=True)
        return 0
    except CourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"Error: {error.filename}: {error.strerror}. Mend its permissions or choose another.", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("course_lib"):
            raise
        advice = "`python -m course_lib doctor` lists all that is missing and how to get it."
        print(f"Error: the package {error.name!r} is not installed. {advice}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:10} {sentence}" for name, sentence in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m course_lib",
        usage="%(prog)s COMMAND [options] [--json]",
        description=f"commands:\n{listing}",
        epilog="COMMAND --help lists a command's options. With --json, the last line of standard output is the result\n"
        "as JSON, and all else goes to standard error.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _options(command: str, module: Any, arguments: list[str]) -> Any:
    """Read a command's options from its dataclass; a module whose defaults depend on the arguments has `defaults`."""
    if not arguments and not dataclasses.fields(module.Options):
        return module.Options()  # so that the doctor can say that tyro is missing

    import tyro

    return tyro.cli(
        module.Options,
        prog=f"python -m course_lib {command}",
        args=arguments,
        default=module.defaults(arguments) if hasattr(module, "defaults") else tyro.MISSING_NONPROP,
    )


if __name__ == "__main__":
    sys.exit(main())
