"""Change the code one expression at a time and tell which changes its own tests do not notice.

    python scripts/mutation.py medcnn/metrics/proportions.py medcnn/evaluation sample=60

Each mutant is one changed comparison, operator, number, flag, choice of extremum, or an argument such
as ``cluster`` that is withheld. Its tests are those of the same name (``medcnn/a/b.py`` ->
``tests/a/test_b.py``), then the others of the folder; a mutant is killed where one fails or takes ten
times as long. Mutants that live are printed as they would stand in the code: each wants a test that
fails, or the code is not needed, or the two mean the same. Every mutant runs in a fork of one process
that has loaded numpy, pandas and torch, and no file is changed, so that 100 mutants take minutes;
mutmut and cosmic-ray rewrite the file and start Python anew for each. Not part of CI.
"""

from __future__ import annotations

import ast
import copy
import importlib
import importlib.abc
import importlib.machinery
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = (
    "numpy", "pandas", "scipy.stats", "sklearn.linear_model", "sklearn.metrics", "cv2", "hypothesis",
    "pytest", "xdist.scheduler", "statsmodels.api",
)  # fmt: skip
DISTRUSTED = ("cluster", "clusters", "cluster_N", "patient", "patients", "weights", "owner")
"""What, left out of a call, makes images of a patient, or cases of a batch, count as alike."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.MatMult: ast.Mult,
}  # fmt: skip
TWINS = {
    one: other
    for pair in (
        ("min", "max"), ("minimum", "maximum"), ("argmin", "argmax"), ("floor", "ceil"),
        ("any", "all"), ("left", "right"), ("val", "test"), ("first", "last"), ("low", "high"),
    )
    for one, other in (pair, pair[::-1])
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed expression of a file."""

    line: int
    before: str
    after: str
    code: CodeType

    def __str__(self) -> str:
        return f"line {self.line}: {self.before}  ->  {self.after}"


def mutants(source: str, name: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source."""
    tree = ast.parse(source)
    for number, node in enumerate(_worth_changing(tree)):
        for choice in range(len(_alternatives(node))):
            changed = copy.deepcopy(tree)
            twin = _worth_changing(changed)[number]
            replacement = _alternatives(twin)[choice]
            before, after = ast.unparse(twin), ast.unparse(replacement)
            _Swap(twin, replacement).visit(changed)
            code = compile(ast.fix_missing_locations(changed), name, "exec")
            yield Mutant(node.lineno, before, after, code)


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old, self.new = old, ast.copy_location(new, old)

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _worth_changing(tree: ast.AST) -> list[ast.expr]:
    """Return the expressions that can be changed; messages, annotations and texts are let be."""
    found: list[ast.expr] = []

    def walk(node: ast.AST) -> None:
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)):
            return
        if isinstance(node, ast.expr):
            found.append(node)
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_plain(child):
                    walk(child)

    walk(tree)
    return [node for node in found if _alternatives(node)]


def _is_plain(node: ast.AST) -> bool:
    """Say whether a node is a docstring, a name's type, or an argument that changes no result."""
    if isinstance(node, ast.keyword):
        return node.arg in ("strict", "dtype", "stacklevel", "ndmin", "encoding")
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _alternatives(node: ast.expr) -> list[ast.expr]:  # noqa: C901  one case a kind of expression
    changed: list[ast.expr] = []
    match node:
        case ast.Compare(ops=[operator, *_]):
            changed = [_with(node, ops=[COMPARISONS[type(operator)](), *node.ops[1:]])]
        case ast.BinOp() if type(node.op) in OPERATORS and not _is_text(node.left):
            changed = [_with(node, op=OPERATORS[type(node.op)]())]
        case ast.BoolOp():
            changed = [_with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())]
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub()):
            changed = [node.operand]
        case ast.Constant(value=bool() as value):
            changed = [ast.Constant(not value)]
        case ast.Constant(value=int() | float() as number):
            changed = [ast.Constant(number + 1), ast.Constant(number - 1)]
        case ast.Constant(value=str() as text) if text in TWINS:
            changed = [ast.Constant(TWINS[text])]
        case ast.Attribute(attr=name) if name in TWINS:
            changed = [_with(node, attr=TWINS[name])]
        case ast.Name(id=("min" | "max" | "any" | "all") as name):
            changed = [_with(node, id=TWINS[name])]
        case ast.IfExp():
            changed = [_with(node, body=node.orelse, orelse=node.body)]
        case ast.Call():
            changed = list(_withheld(node))
    return changed


def _withheld(call: ast.Call) -> Iterator[ast.expr]:
    """Yield a call without its clusters or weights."""
    for place, given in enumerate(call.args):
        if isinstance(given, (ast.Name, ast.Attribute)) and _name(given) in DISTRUSTED:
            rest = [*call.args[:place], ast.Constant(None), *call.args[place + 1 :]]
            yield _with(call, args=rest)
    for place, keyword in enumerate(call.keywords):
        if keyword.arg in DISTRUSTED and not isinstance(keyword.value, ast.Constant):
            yield _with(call, keywords=[*call.keywords[:place], *call.keywords[place + 1 :]])


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _with(node: ast.expr, **fields: object) -> ast.expr:
    changed = copy.copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads a mutant where its module is asked for."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the mutant's module alone."""
        if fullname != self.name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self.path))
        spec.has_location = True
        return spec

    def exec_module(self, module: object) -> None:
        """Run the changed code in the module."""
        exec(self.code, vars(module))  # noqa: S102  the code of this repository


def tests_of(path: Path) -> list[list[str]]:
    """Return the test file of the module's name, and the other files of the folder."""
    folder = ROOT / "tests" / path.relative_to(ROOT / "medcnn").parent
    own = folder / f"test_{path.stem}.py"
    others = sorted(str(each) for each in folder.glob("test_*.py") if each != own)
    return [[str(own)] if own.is_file() else [], others]


def outcome(path: Path, code: CodeType, tests: list[str], limit: float) -> tuple[bool, float]:
    """Return whether the tests fail on this code or take longer than the limit, and how long."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        _test(path, code, tests)
    while time.monotonic() - began < limit:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0, time.monotonic() - began
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True, limit


def _test(path: Path, code: CodeType, tests: list[str]) -> None:
    import pytest

    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    sys.meta_path.insert(0, Instead(name, path, code))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    try:
        status = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests])
    except BaseException:  # noqa: BLE001  a mutant may do anything at all; it is noticed then
        status = 1
    os._exit(int(status))


def examine(path: Path, chosen: list[Mutant]) -> list[Mutant]:
    """Return the mutants of a module that live through its tests."""
    original = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    alive = chosen
    for tests in filter(None, tests_of(path)):
        if not alive:
            break
        fails, seconds = outcome(path, original, tests, 900.0)
        if fails:
            raise SystemExit(f"{path.relative_to(ROOT)}: {' '.join(tests)} fail unchanged")
        limit = 10 + 10 * seconds
        alive = [each for each in alive if not outcome(path, each.code, tests, limit)[0]]
    return alive


def main(arguments: list[str]) -> None:
    """Examine the files and folders named; ``sample=N`` takes N mutants of each file."""
    options = dict(text.split("=", 1) for text in arguments if "=" in text)
    named = [ROOT / text for text in arguments if "=" not in text]
    files = [file for each in named for file in ([each] if each.is_file() else each.rglob("*.py"))]
    for module in PRELOADED:
        importlib.import_module(module)
    if any("import torch" in file.read_text(encoding="utf-8") for file in files):
        importlib.import_module("pytorch_lightning")
    total = lived = 0
    for file in sorted(each for each in files if any(tests_of(each))):
        place = file.relative_to(ROOT)
        found = list(mutants(file.read_text(encoding="utf-8"), str(file)))
        size = min(int(options.get("sample", len(found))), len(found))
        chosen = random.Random(int(options.get("seed", 0))).sample(found, size)  # noqa: S311
        alive = examine(file, sorted(chosen, key=lambda mutant: mutant.line))
        total, lived = total + size, lived + len(alive)
        for mutant in alive:
            print(f"{place} {mutant}")
        print(f"{place}: killed {size - len(alive)} of {size}, of {len(found)}", flush=True)
    print(f"killed {total - lived} of {total} ({100 * (total - lived) / max(total, 1):.1f} %)")


if __name__ == "__main__":
    main(sys.argv[1:])
