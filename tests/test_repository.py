"""The files that describe the course agree with each other and with what is on disk."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def git_files() -> list[str]:
    """Every file that a clone would have, and those about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in set(listed.stdout.split("\0")) if name and (ROOT / name).is_file())


FILES = git_files()
PYTHON_FILES = [name for name in FILES if name.endswith(".py")]


# Versions


def constraints() -> dict[str, str]:
    """The pinned version of each package."""
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==([\w.]+)", line)  # no hashes, no hosts, no local suffix such as +cpu
            assert match, line
            pins[canonicalize_name(match[1])] = match[2]
    return pins


def requirements() -> list[Requirement]:
    return [Requirement(text) for text in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())]


@pytest.mark.parametrize("requirement", [r for r in requirements() if r.name != PROJECT["name"]], ids=str)
def test_the_tested_version_lies_in_the_range_that_the_package_admits(requirement: Requirement) -> None:
    assert requirement.specifier.contains(constraints()[canonicalize_name(requirement.name)])


def test_the_ranges_leave_a_hosted_notebook_its_own_torch() -> None:
    """A minimum and nothing else: an exact or an upper bound would replace what Colab or Kaggle has preinstalled."""
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert [bound.operator for bound in requirement.specifier] == [">="], requirement


def test_what_the_rehearsal_starts_from_is_pinned() -> None:
    lines = (ROOT / "tests" / "colab_packages.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert set(names) <= set(constraints())
    assert PROJECT["name"] not in names


def test_conda_installs_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *from_conda, from_pip = environment["dependencies"]
    python = Requirement(next(item for item in from_conda if item.startswith("python=")).replace("=", "==", 1))
    supported = SpecifierSet(PROJECT["requires-python"])
    assert all(supported.contains(bound.version) for bound in python.specifier)
    assert "-c constraints.txt" in from_pip["pip"]
    assert "-e .[lab]" in from_pip["pip"]
    assert "lab" in PROJECT["optional-dependencies"]


def test_the_makefile_refuses_the_pythons_that_the_package_refuses() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"sys.version_info < ({oldest.replace('.', ', ')})" in makefile
    assert f"needs Python {oldest} or newer" in makefile


def test_the_workflows_run_the_oldest_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    assert PROJECT["requires-python"].removeprefix(">=") in workflow["jobs"]["linux"]["strategy"]["matrix"]["python"]


def test_the_citation_names_this_version_and_these_licences() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert PROJECT["license"] in citation["license"]
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])


# README


def tree() -> dict[str, str]:
    """Path or pattern → what README says of it, from the block under "What is where"."""
    block = re.search(r"## What is where\n+```\n(.*?)```", README, re.DOTALL)
    assert block
    entries: dict[str, str] = {}
    folders: list[str] = []
    for line in block[1].splitlines():
        match = re.fullmatch(r"((?:  )*)(\S+)(?: {2,}(\S.*))?", line)
        assert match, line
        depth = len(match[1]) // 2
        folders[depth:] = [match[2]]
        entries["".join(folders)] = match[3] or ""
    return entries


def test_every_line_of_the_tree_is_on_disk() -> None:
    missing = [entry for entry in tree() if not any(fnmatch(name, entry + "*" * entry.endswith("/")) for name in FILES)]
    assert missing == []


def test_everything_a_reader_would_open_is_in_the_tree() -> None:
    """All that lies at the top, and every module of the library and of the build."""
    top = {name.partition("/")[0] + "/" * ("/" in name) for name in FILES if not name.startswith(".")} - {"README.md"}
    modules = {
        name for name in PYTHON_FILES if name.startswith("course_lib/") or re.fullmatch(r"sources/\w+\.py", name)
    }
    said = tree()
    unsaid = [
        name
        for name in sorted(top | modules)
        if not name.endswith("__init__.py") and not any(fnmatch(name, entry) for entry in said)
    ]
    assert unsaid == []


def test_every_line_of_the_tree_says_something() -> None:
    """A room's own line may be bare: its modules speak."""
    said = tree()
    assert [entry for entry, words in said.items() if not words and not entry.endswith("/")] == []


def test_the_lesson_table_lists_every_notebook() -> None:
    table = re.search(r"<!-- lessons:begin -->\n(.*?)<!-- lessons:end -->", README, re.DOTALL)
    assert table
    listed = re.findall(r"\]\((notebooks/\w+\.ipynb)\)", table[1])
    assert listed == [name for name in FILES if re.fullmatch(r"notebooks/\w+\.ipynb", name)]


# What must not be in the tree


# Each with all that lies in it.
UNSAFE = {
    *("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "pandas.read_pickle", "numpy.load"),
    *("torch.load", "torch.serialization", "torch.jit", "torch.hub", "torch.package", "torch.export.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all"),
    *("yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader", "yaml.CLoader", "yaml.CFullLoader", "yaml.CUnsafeLoader"),
    *("eval", "exec", "compile", "runpy", "__import__", "builtins"),
}
UNSAFE_OPTIONS = {"allow_pickle", "weights_only", "trust_remote_code"}
# Tests make pickles, to see them refused, and execute a cell of a notebook that they have just built.
EXCEPTIONS = {"tests/test_checkpoints.py": {"pickle", "pickle.dumps"}, "tests/test_build.py": {"exec"}}


def code_of(name: str) -> str:
    """The Python of a file; in a notebook all code cells, without what is IPython's alone."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        return text
    cells = ("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
    return re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", "\n".join(cells))


def unsafe_loads(source: str) -> set[str]:
    """What in `source` could run code out of a file that it reads, whatever it is called there."""
    meaning: dict[str, str] = {}  # of the names that this source gives to modules and to what is in them
    used = set()

    def resolved(node: ast.AST) -> str:
        match node:
            case ast.Name(id=name):
                return meaning.get(name, name)
            case ast.Attribute(value=owner, attr=name):
                return f"{resolved(owner)}.{name}"
            case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str(name)), *_]):
                return f"{resolved(owner)}.{name}"
            case ast.Call(args=[ast.Constant(value=str(name))]) if resolved(node.func).endswith("import_module"):
                return name
        return ""

    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        match node:
            case ast.Import(names=names):
                used |= {each.name for each in names}
                meaning |= {each.asname: each.name for each in names if each.asname}
            case ast.ImportFrom(module=str(module), names=names):
                used |= {f"{module}.{each.name}" for each in names}
                meaning |= {each.asname or each.name: f"{module}.{each.name}" for each in names}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if resolved(value) not in ("", name):
                meaning[name] = resolved(value)
    for node in nodes:
        used.add(resolved(node))
        match node:
            case ast.keyword(arg=str(option)):
                used |= {option} & UNSAFE_OPTIONS
            case ast.Dict(keys=keys):
                used |= {key.value for key in keys if isinstance(key, ast.Constant)} & UNSAFE_OPTIONS
    return {each for each in used if any(f"{each}.".startswith(f"{one}.") for one in UNSAFE | UNSAFE_OPTIONS)}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".py", ".ipynb"))])
def test_nothing_is_read_in_a_way_that_could_run_it(name: str) -> None:
    assert unsafe_loads(code_of(name)) <= EXCEPTIONS.get(name, set())


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as harmless",
        "from pickle import loads",
        "import _pickle",
        "def read():\n    import marshal",
        "import joblib.numpy_pickle",
        "import pandas as pd\npd.read_pickle(path)",
        "import torch\ntorch.load('model.pt')",
        "import torch as t\nt.load('model.pt')",
        "import torch\nt = torch\nt.load('model.pt')",
        "import torch\ngetattr(torch, 'load')('model.pt')",
        "from torch import load",
        "from torch import load as read",
        "from torch import serialization",
        "open_model = torch.load",
        "import torch\ntorch.jit.load('model.pt')",
        "torch.hub.load('owner/repository', 'model')",
        "import numpy as np\nnp.load('ids.npy')",
        "read_array(file, allow_pickle=True)",
        "read_array(file, **{'allow_pickle': True})",
        "anything(path, weights_only=False)",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
        "yaml.load(text, Loader)",
        "import yaml as y\ny.unsafe_load(text)",
        "from yaml import Loader",
        "exec(path.read_text())",
        "print(eval(path.read_text()))",
        "run = exec\nrun(code)",
        "import runpy\nrunpy.run_path(path)",
        "__import__('pickle')",
        "import importlib\nimportlib.import_module('pickle').loads(data)",
        "from importlib import import_module as get\nget('dill')",
    ],
)
def test_an_unsafe_load_would_be_noticed(source: str) -> None:
    assert unsafe_loads(source) != set()


def test_a_safe_load_is_left_alone() -> None:
    source = "import json, re, safetensors.torch, yaml\nmodel.eval()\njson.load(file)\nsafetensors.torch.load(data)\n"
    assert unsafe_loads(source + "yaml.safe_load(text)\nre.compile('')\ntorch.compile(model)") == set()


# Put together here, so that this file does not hold what it looks for.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:work|root|farm)/|[.]pyenv|[p]ypi[.]org|[p]ythonhosted|[r]egistry[.]npmjs|[d]eb[.]debian"
)


def test_nothing_tells_of_the_machine_that_it_was_made_on() -> None:
    """No path of somebody's machine, no host of a package index: both are the reader's own business."""
    told = []
    for name in FILES:
        text = (ROOT / name).read_bytes().decode("utf-8", errors="ignore")
        told += [f"{name}: {match[0]}" for match in PRIVATE.finditer(text)]
    assert told == []


def test_no_file_is_too_large_to_be_looked_at() -> None:
    assert [name for name in FILES if (ROOT / name).stat().st_size > 400_000] == []


# The library as a whole


def test_the_rooms_are_entered_in_order_only() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_room_has_its_place_in_the_order() -> None:
    """A room that the contract does not list could import anything."""
    (contract,) = PYPROJECT["tool"]["importlinter"]["contracts"]
    rooms = {
        f"course_lib.{name.removeprefix('course_lib/').partition('/')[0].removesuffix('.py')}"
        for name in PYTHON_FILES
        if name.startswith("course_lib/")
    }
    assert rooms - {"course_lib.__init__"} == set(contract["layers"])


def test_importing_the_library_imports_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import course_lib; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert loaded - set(sys.stdlib_module_names) == {"course_lib"}
