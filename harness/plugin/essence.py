"""What of a plugin's source its figures can depend on: the code without comments, layout, the card's prose, and what only prose refers to."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

PROSE = frozenset(
    {
        "title",
        "arxiv",
        "year",
        "family",
        "task",
        "method",
        "sizes",
        "claims",
        "deviations",
        "readings",
        "findings",
        "data",
        "code",
        "protocol",
    }
)
"""What a card says of the paper: no figure and no fit depends on it, so that a finding can be written down without measuring again."""


def essence(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return by name what is left of modules that belong together, as a dump of their syntax; one that cannot be parsed comes back as it is.

    Without the prose, functions and values are dropped to which nothing else referred. A name is referred to wherever it stands as a name, an
    attribute or a whole string, so that too much is kept rather than too little.
    """
    trees: dict[str, ast.Module] = {}
    unread: dict[str, bytes] = {}
    for name, source in sources.items():
        try:
            trees[name] = ast.parse(source)
        except (SyntaxError, ValueError):  # whoever imports it will be told
            unread[name] = source
    modules = list(trees.values())
    before = frozenset(name for module in modules for name in _references(module.body))
    for module in modules:
        _WithoutProse().visit(module)
    _drop_unreferred(modules, before)
    return {name: unread[name] if name in unread else ast.dump(trees[name]).encode() for name in sources}


class _WithoutProse(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Drop what a call of `Paper` says in prose."""
        if isinstance(node.func, ast.Name) and node.func.id == "Paper":
            node.keywords = [given for given in node.keywords if given.arg not in PROSE]
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop docstrings and other strings that stand alone."""
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else self.generic_visit(node)


def _drop_unreferred(modules: Sequence[ast.Module], before: frozenset[str]) -> None:
    """Take out of modules, in place, the definitions and imports of names that were referred to `before` and no longer are."""
    references = Counter(name for module in modules for name in _references(module.body))

    def is_gone(name: str) -> bool:
        return name in before and not references[name]

    while dropped := [(m, s) for m in modules for s in m.body if (names := _defined(s)) and all(map(is_gone, names))]:
        for module, statement in dropped:
            module.body.remove(statement)
            references.subtract(_references([statement]))
    for module in modules:
        for statement in module.body:
            if isinstance(statement, ast.ImportFrom):
                statement.names = [alias for alias in statement.names if not is_gone(alias.asname or alias.name)]
        module.body = [s for s in module.body if not isinstance(s, ast.ImportFrom) or s.names]


def _defined(statement: ast.stmt) -> list[str]:
    """Return the names that a statement does nothing but define; none of a decorated definition, which somebody else may call."""
    match statement:
        case ast.FunctionDef(name=name, decorator_list=[]) | ast.ClassDef(name=name, decorator_list=[]):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets) if all(isinstance(target, ast.Name) for target in targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _references(statements: Iterable[ast.stmt]) -> list[str]:
    """Return each name, attribute and string in statements, as often as it stands there; what a definition calls itself is none."""
    found = []
    for statement in statements:
        own = set(_defined(statement))
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)) if name not in own:
                    found.append(name)
    return found
