"""The small changes that make a mutant, and how to apply one to a syntax tree.

What is changed: comparisons, arithmetic, `and` and `or`, `not`, integers, booleans, byte strings,
returned values, `raise`, bare calls, `break` and `continue`. What is not: assertions (they document
our logic; loosening one changes nothing), annotations, docstrings, text for people, and `__all__`.
A line that ends in `# equivalent: REASON` has no mutants; the reason says why none could matter.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
EQUIVALENT = re.compile(r"#\s*equivalent: \S")
UNTOUCHED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "type_params"})
UNTOUCHED_CALLS = frozenset({"cast", "NewType", "TypeVar", "dataclass", "super"})

# Changes a node in place or returns the one that takes its place.
Edit = Callable[[], ast.AST | None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """The `index`-th change of a module, with its line and a description."""

    index: int
    line: int
    change: str


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a node hangs in the tree, so that another can be put there."""

    parent: ast.AST
    field: str
    position: int | None

    def put(self, node: ast.AST) -> None:
        if self.position is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.position] = node


def list_mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    excused = {
        number
        for number, line in enumerate(source.splitlines(), start=1)
        if EQUIVALENT.search(line)
    }
    found = [
        Mutant(index, line, change)
        for index, (line, change, _, _) in enumerate(_walk_changes(ast.parse(source)))
    ]
    return [mutant for mutant in found if mutant.line not in excused]


def mutate_tree(source: str, mutant: Mutant) -> ast.Module:
    """The module's syntax tree with the one change made."""
    tree = ast.parse(source)
    for index, (_, _, site, edit) in enumerate(_walk_changes(tree)):
        if index == mutant.index:
            replacement = edit()
            if replacement is not None:
                site.put(replacement)
            return ast.fix_missing_locations(tree)
    raise ValueError(f"no mutant {mutant.index}")


def _walk_changes(tree: ast.Module) -> Iterator[tuple[int, str, _Site, Edit]]:
    for node, site in _walk_sites(tree):
        for change, edit in _changes_of(node, site):
            yield getattr(node, "lineno", 0), change, site, edit


def _walk_sites(parent: ast.AST) -> Iterator[tuple[ast.AST, _Site]]:
    for name, value in ast.iter_fields(parent):
        if name in UNTOUCHED_FIELDS:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for position, child in children:
            if isinstance(child, ast.AST) and not _is_untouched(child):
                yield child, _Site(parent, name, position)
                yield from _walk_sites(child)


def _is_untouched(node: ast.AST) -> bool:
    match node:
        case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in UNTOUCHED_CALLS
        case ast.Subscript(value=ast.Name(id=name)):
            # A generic type, not a value: types are capitalised or built in.
            return name[0].isupper() and not name.isupper()
    return False


def _changes_of(node: ast.AST, site: _Site) -> Iterator[tuple[str, Edit]]:
    match node:
        case ast.Compare():
            yield from _comparison_changes(node)
        case ast.BinOp() | ast.AugAssign():
            yield from _arithmetic_changes(node)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"{_shown(node)}: swap and, or", _setter(node, "op", other)
        case ast.UnaryOp(op=ast.Not()):
            yield f"{_shown(node)}: drop not", lambda: node.operand
        case ast.Constant():
            yield from _constant_changes(node)
        case ast.Return(value=value) if value is not None:
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield f"{_shown(node)}: return None", _setter(node, "value", ast.Constant(None))
        case ast.Raise():
            yield f"{_shown(node)}: do not raise", lambda: ast.copy_location(ast.Pass(), node)
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield f"{_shown(node)}: do not call", lambda: ast.copy_location(ast.Pass(), node)
        case ast.Break():
            yield "break: continue instead", lambda: ast.copy_location(ast.Continue(), node)
        case ast.Continue():
            yield "continue: break instead", lambda: ast.copy_location(ast.Break(), node)
        case ast.If() | ast.While() | ast.IfExp() if _is_plain_test(node.test):
            negated = ast.UnaryOp(ast.Not(), node.test)
            yield f"if {_shown(node.test)}: negate", _setter(node, "test", negated)
    del site


def _comparison_changes(node: ast.Compare) -> Iterator[tuple[str, Edit]]:
    for position, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            changed = [*node.ops[:position], other(), *node.ops[position + 1 :]]
            yield f"{_shown(node)}: {other.__name__}", _setter(node, "ops", changed)


def _arithmetic_changes(node: ast.BinOp | ast.AugAssign) -> Iterator[tuple[str, Edit]]:
    other = ARITHMETIC.get(type(node.op))
    # `X | Y` between names of classes is a type.
    if other is not None and not (isinstance(node, ast.BinOp) and _is_union(node)):
        yield f"{_shown(node)}: {other.__name__}", _setter(node, "op", other())


def _constant_changes(node: ast.Constant) -> Iterator[tuple[str, Edit]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value}: {not value}", _setter(node, "value", not value)
    elif isinstance(value, int):
        yield f"{value}: {value + 1}", _setter(node, "value", value + 1)
    elif isinstance(value, bytes):
        yield f"{value!r}: another", _setter(node, "value", value + b"!")


def _setter(node: ast.AST, name: str, value: object) -> Edit:
    def edit() -> None:
        setattr(node, name, value)

    return edit


def _is_plain_test(node: ast.expr) -> bool:
    """Comparisons and boolean operators have changes of their own."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Call)


def _is_union(node: ast.BinOp) -> bool:
    def is_type(side: ast.expr) -> bool:
        match side:
            case ast.Constant(value=None):
                return True
            case ast.Name(id=name):
                return name in {"int", "str", "bytes", "bool", "float", "object"} or (
                    name[0].isupper() and not name.isupper()
                )
        return isinstance(side, ast.BinOp) and _is_union(side)

    return isinstance(node.op, ast.BitOr) and is_type(node.left) and is_type(node.right)


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node).partition("\n")[0]
    return text if len(text) <= 60 else f"{text[:57]}..."
