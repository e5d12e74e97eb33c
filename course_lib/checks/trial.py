"""A learner's answer on trial: it is called, what it returns is held against laws, and the likely mistake is named."""

import copy
import inspect
import sysconfig
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.checks.deadline import OutOfTime
from course_lib.checks.describe import as_numbers, describe


class BrokenLaw(Exception):
    """An answer broke a law.

    Attributes:
        mistake: the id of the diagnosis.
        lines: what to tell the learner, most important first.
    """

    def __init__(self, mistake: str, *lines: str) -> None:
        super().__init__(mistake)
        self.mistake = mistake
        self.lines = lines


@dataclass(frozen=True)
class Mistake:
    """A mistake that one can tell from its result.

    Attributes:
        id: its name, in snake_case.
        gives: what a function with this mistake would return, or a function that says whether returned numbers show it.
        says: the diagnosis, a sentence to the learner.
    """

    id: str
    gives: Any
    says: str


def any_of(mistake: str, says: str, *wrong: Any) -> list[Mistake]:
    """One diagnosis for several results."""
    return [Mistake(mistake, gives, says) for gives in wrong]


def tensor_shows(mistake: str, shown_by: Callable[[Tensor], object], says: str) -> Mistake:
    """A mistake that can be seen in the tensor that came back."""
    return Mistake(mistake, lambda got: isinstance(got, Tensor) and bool(shown_by(got)), says)


class Trial:
    """Puts one answer on trial. Call it with the named inputs that the learner's function takes, in their order.

    Attributes:
        answer: what the learner handed in.
        happening: the call that is under way or was the last, as text.
        remark: a sentence for a learner whose answer passes.
        score: how well an answer does that passes, where the exercise is a contest; the lower the better.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.happening = ""
        self.remark = ""
        self.score: float | None = None
        self._generator = torch.Generator().manual_seed(0)

    def normal(self, *shape: int, scale: float = 1.0) -> Float[Tensor, "..."]:
        """Numbers from a normal distribution of standard deviation `scale`, the same at every check."""
        return scale * torch.randn(shape, generator=self._generator, dtype=torch.float32)

    def integers(self, high: int, *shape: int) -> Int[Tensor, "..."]:
        """Whole numbers from 0 to `high` - 1, the same at every check."""
        return torch.randint(high, shape, generator=self._generator)

    def __call__(self, **inputs: Any) -> "Returned":
        """Call the learner's function on copies of `inputs`, by position.

        Raises:
            BrokenLaw: it is no function, is not written yet, takes other inputs, raises, returns nothing or changes
                what it was given.
        """
        name = getattr(self.answer, "__name__", "your function")
        self._require_function(inputs, name)
        self.happening = f"{name}({', '.join(f'{key}={describe(value)}' for key, value in inputs.items())})"
        given = copy.deepcopy(inputs)
        try:
            value = self.answer(*given.values())
        except OutOfTime:
            raise
        except NotImplementedError as error:
            raise BrokenLaw("not_yet_written") from error
        except BaseException as error:
            lines = [f"Your code raised {_name_of(error)}.", *_line_of(error), f"tried:  {self.happening}"]
            raise BrokenLaw("raises", *lines) from error
        changed = [key for key in inputs if not _unchanged(inputs[key], given[key])]
        if changed:
            raise BrokenLaw(
                "mutates_input",
                f"Your function changed `{'` and `'.join(changed)}`, which belongs to whoever called it.",
                "Was it an in-place operation (`-=`, `sub_()`, an assignment into it)? Make a new value instead.",
                f"tried:  {self.happening}",
            )
        if value is None:
            raise BrokenLaw("returns_nothing", "Your function returned None. Does it end in a `return`, on every path?")
        return Returned(value, self.happening, given)

    def requires(self, condition: bool, law: str, mistake: str, says: str) -> None:
        """Demand `condition`, which takes more than one call to see; `mistake` and `says` are the diagnosis otherwise.

        Raises:
            BrokenLaw: it does not hold.
        """
        if not condition:
            raise BrokenLaw(mistake, f"Broken law: {law}.", says)

    def _require_function(self, inputs: dict[str, Any], name: str) -> None:
        if not callable(self.answer):
            raise BrokenLaw(
                "not_a_function",
                f"The check wants the function itself, and got {describe(self.answer)}.",
                "Hand it over by its name, without calling it: no brackets after the name.",
            )
        try:
            signature = inspect.signature(self.answer)
        except (TypeError, ValueError):
            return  # written in C: the call will tell
        try:
            signature.bind(*inputs.values())
        except TypeError as error:
            raise BrokenLaw(
                "wrong_signature",
                f"The check calls {name}({', '.join(inputs)}), and yours is {name}{_without_types(signature)}.",
                "Give it the parameters that it had in the exercise, in that order.",
            ) from error


@dataclass(frozen=True)
class Returned:
    """What the learner's function returned, to be held against laws.

    Attributes:
        value: what came back.
        call: the call that it came from, as text.
        inputs: what the function was given, for laws about gradients.
    """

    value: Any
    call: str
    inputs: dict[str, Any]

    def equals(self, expected: Any, law: str, *mistakes: Mistake, tolerance: float = 1e-4, reveal: bool = True) -> None:
        """Demand `expected`: a tensor of its shape and kind, or a number, or a collection of numbers.

        Arguments:
            expected: the right value.
            law: what the right value obeys, a clause that fits after "Broken law:".
            *mistakes: what it may look like instead, the likeliest first.
            tolerance: relative and absolute.
            reveal: whether a learner who is wrong is shown `expected`.

        Raises:
            BrokenLaw: it is something else.
        """
        right_number = _same(self.value, expected, tolerance)
        if right_number and _same_kind(self.value, expected):
            return
        for mistake in mistakes:
            if _shows(self.value, mistake, tolerance) and (callable(mistake.gives) or not right_number):
                self._break(law, mistake.id, mistake.says, expected if reveal else None)
        self._break(law, *self._plain_difference(expected), expected if reveal else None)

    def requires(self, condition: bool, law: str, mistake: str, says: str) -> None:
        """Demand `condition`, which this one call shows; `mistake` and `says` are the diagnosis otherwise.

        Raises:
            BrokenLaw: it does not hold.
        """
        if not condition:
            self._break(law, mistake, says)

    def entry(self, key: str | int) -> "Returned":
        """The entry `key` of a returned dictionary or tuple."""
        try:
            if isinstance(self.value, Tensor) and isinstance(key, str):
                raise TypeError("a tensor has no entries by name")
            value = self.value[key]
        except (TypeError, LookupError):
            kind = f"dictionary with the entry {key!r}" if isinstance(key, str) else f"tuple with a place {key}"
            self._break(f"what comes back is a {kind}", "no_entry", "Yours has none.")
        return Returned(value, f"{self.call}[{key!r}]", self.inputs)

    def _plain_difference(self, expected: Any) -> tuple[str, str]:
        got, want = as_numbers(self.value), as_numbers(expected)
        if got is None or want is None or (isinstance(expected, Tensor) and not isinstance(self.value, Tensor)):
            return "wrong_type", f"Yours is of type {type(self.value).__name__}, wanted {type(expected).__name__}."
        if got.shape != want.shape:
            return "wrong_shape", f"Yours has shape {tuple(got.shape)}, wanted {tuple(want.shape)}."
        if not _same_kind(self.value, expected):
            return "wrong_dtype", f"Yours has dtype {self.value.dtype}, wanted {expected.dtype}."
        strange = ~got.isfinite() & want.isfinite()
        if strange.any():
            kinds = " and ".join(
                name for name, found in (("nan", got.isnan()), ("infinite", got.isinf())) if (found & strange).any()
            )
            return "not_finite", f"Yours holds numbers that are {kinds}."
        if got.numel() > 1:
            place = int((got - want).nan_to_num().abs().argmax())
            # numpy's, because torch's own imports sympy on its first call, for seconds.
            index = ", ".join(map(str, np.unravel_index(place, got.shape)))
            difference = f"{got.flatten()[place]:.4g}, wanted {want.flatten()[place]:.4g}"
            return "wrong_value", f"They differ most at [{index}]: yours is {difference}."
        return "wrong_value", "It looks like none of the mistakes that this check knows."

    def _break(self, law: str, mistake: str, says: str, expected: Any = None) -> NoReturn:
        lines = [f"Broken law: {law}.", says, f"tried:  {self.call}", f"yours:  {describe(self.value)}"]
        if expected is not None:
            lines.append(f"wanted: {describe(expected)}")
        raise BrokenLaw(mistake, *lines)


def _same_kind(got: Any, expected: Any) -> bool:
    """Whether `got` is a tensor of floats where floats are expected; numbers may be of any kind where a number is."""
    if not isinstance(expected, Tensor):
        return True
    return isinstance(got, Tensor) and got.is_floating_point() == expected.is_floating_point()


def _same(got: Any, expected: Any, tolerance: float) -> bool:
    ours, theirs = as_numbers(got), as_numbers(expected)
    return (
        ours is not None
        and theirs is not None
        and ours.shape == theirs.shape
        and torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)
    )


def _shows(got: Any, mistake: Mistake, tolerance: float) -> bool:
    if callable(mistake.gives):
        try:
            return bool(mistake.gives(got.detach() if isinstance(got, Tensor) else got))
        except (TypeError, ValueError, RuntimeError, LookupError, AttributeError):
            return False  # what came back is not even of the kind that this mistake gives
    return _same(got, mistake.gives, tolerance)


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return (
            before.shape == after.shape
            and before.dtype == after.dtype
            and torch.equal(before.nan_to_num(), after.nan_to_num())
        )
    if isinstance(before, Mapping):
        return before.keys() == after.keys() and all(_unchanged(each, after[key]) for key, each in before.items())
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    return callable(before) or bool(before == after)


def _without_types(signature: inspect.Signature) -> str:
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(parameters))


def _name_of(error: BaseException) -> str:
    message = str(error).strip().rstrip(".")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _line_of(error: BaseException) -> list[str]:
    """A line on where the learner's own code was: the deepest line of the traceback that is in no installed library."""
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    installed.append(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if not any(file.is_relative_to(folder) for folder in installed) and not frame.filename.startswith("<frozen"):
            shown = f": `{frame.line}`" if frame.line else ""
            return [f"where:  line {frame.lineno} in {frame.name}{shown}"]
    return []
