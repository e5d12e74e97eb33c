"""A plugin for nbval: a cell that shows a warning has failed."""

from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield
    for output in item.test_outputs:  # type: ignore[attr-defined]
        if output["output_type"] == "stream" and output["name"] == "stderr" and "Warning" in output["text"]:
            pytest.fail(f"a warning:\n{output['text']}")
