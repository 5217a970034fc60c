"""SQL text from data: literals, names and layers of expressions, so that nothing in a mapping is ever run as SQL.

Belongs here: quoting and the pipeline that stacks expressions. Does not: what the expressions compute.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Besides ASCII white space: no-break space, ideographic space and a byte-order mark left inside a file.
WHITE_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160) || chr(12288) || chr(65279)"
WHITE_CLASS = r"[\s\x0b\x{a0}\x{3000}\x{feff}]"


def literal(text: str) -> str:
    """The text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """The texts as SQL strings with commas between."""
    return ", ".join(literal(text) for text in texts)


def name(text: str) -> str:
    """The text as a quoted SQL name."""
    return '"' + text.replace('"', '""') + '"'


def trimmed(text: str) -> str:
    """SQL of a text without outer white space; most texts have none, and to look is four times cheaper than to trim."""
    is_padded = f"regexp_matches({text}, '^{WHITE_CLASS}|{WHITE_CLASS}$')"
    return f"case when {is_padded} then trim({text}, {WHITE_SPACE}) else {text} end"


def squeezed(text: str) -> str:
    """SQL of a text with one blank for each stretch of white space; most texts have no stretch."""
    odd = f"contains({text}, '  ') or regexp_matches({text}, '[\\t\\r\\n\\x0b\\x0c\\x{{a0}}\\x{{3000}}]')"
    return f"case when {odd} then regexp_replace({text}, '{WHITE_CLASS}+', ' ', 'g') else {text} end"


def key_of(parts: Iterable[str]) -> str:
    """SQL of a surrogate key over SQL expressions: null when one of them is null."""
    return f"left(sha256({' || chr(124) || '.join(parts)}), 32)"


@dataclass
class Pipeline:
    """Expressions in layers: each may use the names of lower layers, and equal expressions stand once.

    Without layers an expression that uses its input twice would double with every step.
    """

    base: str
    columns: Iterable[str]
    _levels: list[dict[str, str]] = field(default_factory=list)
    _level_of: dict[str, int] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._level_of = dict.fromkeys(self.columns, 0)

    def add(self, expression: str, *uses: str) -> str:
        """The name under which the expression's value can be used; `uses` are the names that it reads."""
        if expression in self._known:
            return self._known[expression]
        level = 1 + max((self._level_of[used] for used in uses), default=0)
        while len(self._levels) < level:
            self._levels.append({})
        alias = f"e{len(self._known)}"
        self._levels[level - 1][alias] = expression
        self._level_of[alias] = level
        self._known[expression] = alias
        return alias

    def select(self, output: Mapping[str, str]) -> str:
        """SQL of a query that gives the named outputs, each an alias or expression over aliases."""
        source = self.base
        for level in self._levels:
            added = "".join(f", {expression} as {alias}" for alias, expression in level.items())
            source = f"(select *{added} from {source})"
        return f"select {', '.join(f'{value} as {name(label)}' for label, value in output.items())} from {source}"
