"""Which small mistakes can be made in a source file? Each mutant is one of them: an operator, a number, a missing line.

A mutant is named by the function it is in and by what it changes, not by its line, so that a list of those that change
nothing for anybody (`mutants-equivalent.txt`) stays right while the file moves.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_COMPARES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_CONDITIONED = (ast.If, ast.IfExp, ast.While)
_REMOVED = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Mutant:
    """One mistake at `line`, in the outermost function `scope` ("" in none); `place` is where its node hangs."""

    scope: str
    line: int
    lines: range  # of the statement: what a test has to run to notice
    parent: ast.AST
    field: str
    index: int | None
    old: ast.AST
    new: ast.AST

    @property
    def label(self) -> str:
        """`before -> after`."""
        after = "(removed)" if isinstance(self.new, ast.Pass) else _words(self.new)
        return f"{_words(self.old)} -> {after}"

    def code(self, tree: ast.Module, file: Path) -> CodeType:
        """The whole file compiled with this mistake in it."""
        self._put(self.new)
        try:
            return compile(tree, str(file), "exec")
        finally:
            self._put(self.old)

    def _put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(tree: ast.Module) -> list[Mutant]:
    """All mutants of a file, in its order."""
    return list(_below(tree, [], "", range(0)))


def _below(node: ast.AST, classes: list[str], scope: str, lines: range) -> Iterator[Mutant]:
    for field, index, child in _children(node):
        inside, around = scope, lines
        if isinstance(child, ast.stmt):
            body = getattr(child, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) and body else child.end_lineno or child.lineno
            around = range(child.lineno, max(child.lineno, last) + 1)
        if isinstance(child, _FUNCTIONS) and not scope:
            inside = ".".join([*classes, child.name])
        for new in _mistakes(child, node):
            line = getattr(child, "lineno", around.start)
            yield Mutant(scope, line, around, node, field, index, child, ast.fix_missing_locations(new))
        within = [*classes, child.name] if isinstance(child, ast.ClassDef) and not scope else classes
        yield from _below(child, within, inside, around)


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """What can be wrong inside a node: no annotation, no docstring, no declaration for the type checker."""
    skipped = {"annotation", "returns", "type_params", "decorator_list", "ctx", "op", "ops"}
    if isinstance(node, _FUNCTIONS):
        skipped.add("args")  # a default is part of the signature, set when the module is loaded
    for field, value in ast.iter_fields(node):
        if field in skipped:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _told_only(child):
                yield field, index, child


def _told_only(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id.startswith("__") for target in node.targets)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Assert)


def _mistakes(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """The node as it could be wrong."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.Constant):
        if not isinstance(parent, ast.FormattedValue):
            yield from _constants(node)
    elif isinstance(node, ast.expr):
        yield from _expressions(node)
    if isinstance(node, ast.comprehension):
        for at in range(len(node.ifs)):
            yield _with(node, ifs=[_not(each) if at == here else each for here, each in enumerate(node.ifs)])


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    is_kept = isinstance(node, ast.Assign) and not any(isinstance(each, ast.Name | ast.Tuple) for each in node.targets)
    if isinstance(node, _REMOVED) or is_call or is_kept:
        yield ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield _with(node, op=_OPERATORS[type(node.op)]())
    if isinstance(node, ast.Return) and node.value is not None:
        is_none = isinstance(node.value, ast.Constant) and node.value.value is None
        yield _with(node, value=ast.Constant(0 if is_none else None))
    if isinstance(node, _CONDITIONED):
        yield _with(node, test=_not(node.test))


def _expressions(node: ast.expr) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for at, each in enumerate(node.ops):
            ops = [_COMPARES[type(each)]() if at == here else other for here, other in enumerate(node.ops)]
            yield _with(node, ops=ops)
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield _with(node, op=_OPERATORS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield _with(node, test=_not(node.test))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield _with(node, func=ast.copy_location(ast.Name(_CALLS[node.func.id], ast.Load()), node.func))


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield _with(node, value=not value)
    elif isinstance(value, int | float):
        yield _with(node, value=value + 1 if value + 1 != value else 2 * value)
    elif isinstance(value, str):
        yield _with(node, value=f"XX{value}")
    elif isinstance(value, bytes):
        yield _with(node, value=b"XX" + value)


def _not(test: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of the node with other fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return ast.copy_location(other, node) if hasattr(node, "lineno") else other


def _words(node: ast.AST) -> str:
    words = " ".join(ast.unparse(node).split())
    if isinstance(node, ast.comprehension):
        return f"... {words}"
    return words.split(":", 1)[0] if isinstance(node, ast.If | ast.While | ast.For) else words
