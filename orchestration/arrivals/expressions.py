"""Expressions: a mapping's values become SQL over a file's columns.

Belongs here: origins, conditions, steps and the flags of repairs. Does not: reading typed text (see `parsing.py`) and
assembling records (see `translation.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.arrivals.mapping import (
    Cases,
    Codes,
    Condition,
    Constant,
    FirstOf,
    Generated,
    Match,
    Origin,
    Pattern,
    Plain,
    Reference,
    Step,
    Template,
    Value,
    ZeroPad,
)
from orchestration.arrivals.sql_text import Pipeline, literal, literals, squeezed, trimmed

FULL_WIDTH_RULE = "text.full_width"
ZERO_PADDED_RULE = "text.zero_padded"


@dataclass(frozen=True)
class Text:
    """A compiled text: its name in the pipeline, repairs (condition, rule), and tests of codes that must not hold."""

    alias: str
    repairs: tuple[tuple[str, str], ...] = ()
    unknown_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compiler:
    """Compiles values into a pipeline; `column` gives the pipeline's name of a reference, None for an absent column."""

    pipeline: Pipeline
    column: Callable[[Reference], str | None]
    nulls: tuple[str, ...]

    def text(self, value: Value) -> Text:
        """The value's text after all steps, null where there is none."""
        nulls = self.nulls if value.nulls is None else value.nulls
        compiled = self._origin(value.origin, nulls)
        for step in value.steps:
            compiled = self._step(step, compiled)
        return compiled

    def all_of(self, conditions: tuple[Condition, ...]) -> str:
        """The name of a boolean that is true where every condition holds."""
        aliases = [self._condition(condition) for condition in conditions]
        return self.pipeline.add(" and ".join(aliases) if aliases else "true", *aliases)

    def _origin(self, origin: Origin, nulls: tuple[str, ...]) -> Text:
        add = self.pipeline.add
        if isinstance(origin, Reference):
            return Text(self._cleaned(origin, nulls))
        if isinstance(origin, Constant):
            return Text(add(literal(origin.text)))
        if isinstance(origin, Generated):
            # Filled in once the content of the whole record is known.
            return Text(add("cast(null as varchar)"))
        if isinstance(origin, Template):
            columns = [self._cleaned(reference, nulls) for reference in origin.references]
            parts = [literal(origin.texts[0])]
            for column, text in zip(columns, origin.texts[1:], strict=True):
                parts += [column, literal(text)]
            return Text(add(" || ".join(parts), *columns))
        if isinstance(origin, FirstOf):
            choices = [self.text(choice) for choice in origin.choices]
            aliases = [choice.alias for choice in choices]
            return _joined(add(f"coalesce({', '.join(aliases)})", *aliases), choices)
        return self._cases(origin)

    def _cases(self, origin: Cases) -> Text:
        branches, used, texts = "", [], []
        for case in origin.cases:
            condition, text = self.all_of(case.conditions), self.text(case.value)
            branches += f" when {condition} then {text.alias}"
            used += [condition, text.alias]
            texts.append(text)
        if origin.otherwise is not None:
            otherwise = self.text(origin.otherwise)
            branches += f" else {otherwise.alias}"
            used.append(otherwise.alias)
            texts.append(otherwise)
        return _joined(self.pipeline.add(f"case{branches} end", *used), texts)

    def _cleaned(self, reference: Reference, nulls: tuple[str, ...]) -> str:
        column = self.column(reference)
        if column is None:
            return self.pipeline.add("cast(null as varchar)")
        text = self.pipeline.add(trimmed(column), column)
        return self.pipeline.add(f"case when {text} in ({literals(('', *nulls))}) then null else {text} end", text)

    def _condition(self, condition: Condition) -> str:
        column = self._cleaned(condition.reference, self.nulls)
        if condition.operator == "missing":
            test = f"{column} is null"
        elif condition.operator == "in":
            test = f"coalesce({column} in ({literals(condition.values)}), false)"
        else:
            test = f"coalesce(regexp_matches({column}, {literal(condition.values[0])}), false)"
        return self.pipeline.add(f"not ({test})" if condition.is_negated else test, column)

    def _step(self, step: Step, text: Text) -> Text:
        old = text.alias
        add = self.pipeline.add
        if isinstance(step, Plain) and step.name == "nfkc":
            folded = add(f"nfkc({old})", old)
            new = add(trimmed(folded), folded)
            changed = add(f"{new} is distinct from {old}", new, old)
            return Text(new, (*text.repairs, (changed, FULL_WIDTH_RULE)), text.unknown_codes)
        if isinstance(step, ZeroPad):
            short = add(f"regexp_full_match({old}, '[0-9]+') and length({old}) < {step.width}", old)
            new = add(f"case when {short} then lpad({old}, {step.width}, '0') else {old} end", short, old)
            return Text(new, (*text.repairs, (short, ZERO_PADDED_RULE)), text.unknown_codes)
        unknown = text.unknown_codes
        if isinstance(step, Codes) and step.default == "error":
            codes = literals(code for code, _ in step.codes)
            unknown = (*unknown, add(f"{old} is not null and {old} not in ({codes})", old))
        return Text(add(f"nullif({_step_sql(step, old)}, '')", old), text.repairs, unknown)


def _joined(alias: str, texts: list[Text]) -> Text:
    repairs = tuple(repair for text in texts for repair in text.repairs)
    return Text(alias, repairs, tuple(code for text in texts for code in text.unknown_codes))


def _step_sql(step: Step, old: str) -> str:
    if isinstance(step, Plain):
        if step.name == "squeeze":
            return squeezed(old)
        return f"{step.name}({old})"
    if isinstance(step, Pattern):
        matches = f"regexp_matches({old}, {literal(step.regex)})"
        return {
            "extract": f"regexp_extract({old}, {literal(step.regex)}, 1)",
            "keep_if": f"case when {matches} then {old} end",
            "drop_if": f"case when not {matches} then {old} end",
            "replace": f"regexp_replace({old}, {literal(step.regex)}, {literal(step.replacement)}, 'g')",
        }[step.name]
    if isinstance(step, Codes):
        branches = "".join(f" when {literal(code)} then {literal(text)}" for code, text in step.codes)
        return f"case {old}{branches} else {'null' if step.default == 'null' else old} end"
    if isinstance(step, Match):
        branches = "".join(
            f" when regexp_matches({old}, {literal(regex)}) then {literal(text)}" for regex, text in step.choices
        )
        default = "null" if step.default is None else literal(step.default)
        return f"case when {old} is null then null{branches} else {default} end"
    raise TypeError(f"{type(step).__name__} is no step")
