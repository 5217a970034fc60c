"""What a scorecard asks about: a column, in which direction it counts, and the words for it.

Belongs here: the declaration of a characteristic and its texts. Does not: bins and points, which are learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal[-1, 0, 1]


class ScorecardError(ValueError):
    """A scorecard cannot be fitted or used as asked; the message names the column and the rule."""


@dataclass(frozen=True)
class Characteristic:
    """A column of the frame that is scored.

    `direction` +1: larger values are better for the one who is scored, -1: worse, 0: the data decide, and the course
    may also turn where that is proven. A category has no direction. `specials` are values that are codes and not
    quantities (96: "refused to say"): each has a bin of its own. `group` gathers characteristics in reports.
    The shortfall texts say what costs points ("few orders are matched with a receipt"); without them, and without
    labels, words are made from the name.
    """

    name: str
    direction: Direction = 0
    group: str = ""
    label_en: str = ""
    label_zh: str = ""
    shortfall_en: str = ""
    shortfall_zh: str = ""
    specials: Mapping[float, str] = field(default_factory=dict)
    is_categorical: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ScorecardError("a characteristic has no name")
        if self.direction not in (-1, 0, 1):
            raise ScorecardError(f"characteristic {self.name}: direction is {self.direction}, must be -1, 0 or 1")
        if self.is_categorical and self.direction:
            raise ScorecardError(f"characteristic {self.name}: a category has no direction")

    @property
    def english(self) -> str:
        """The label, or the name in words."""
        return self.label_en or self.name.replace("_", " ").strip()

    @property
    def chinese(self) -> str:
        """The Chinese label; without one the English one."""
        return self.label_zh or self.english

    def shortfall_texts(
        self,
        state: Literal["value", "missing", "special", "unseen"],
        value: str,
        value_zh: str = "",
        direction: Direction | None = None,
    ) -> tuple[str, str]:
        """Why points are lost, in English and in Chinese; `value` and `value_zh` name the bin.

        `direction` is what the data showed, where none was stated.
        """
        value_zh = value_zh or value
        if state == "missing":
            return f"{self.english}: no information", f"缺少“{self.chinese}”的信息"
        if state == "unseen":
            return f"{self.english}: a value that was never seen before", f"“{self.chinese}”的取值此前从未出现过"
        if state == "special":
            return f"{self.english}: {value}", f"“{self.chinese}”为特殊值（{value_zh}）"
        if self.shortfall_en or self.shortfall_zh:
            return self.shortfall_en or self.shortfall_zh, self.shortfall_zh or self.shortfall_en
        if self.is_categorical:
            return f"{self.english}: {value}", f"“{self.chinese}”为：{value_zh}"
        way = self.direction or direction or 0
        if way > 0:
            return f"{self.english} is low ({value})", f"“{self.chinese}”偏低（{value_zh}）"
        if way < 0:
            return f"{self.english} is high ({value})", f"“{self.chinese}”偏高（{value_zh}）"
        return f"{self.english} is not at its best ({value})", f"“{self.chinese}”未处于最有利的区间（{value_zh}）"


def require_distinct(characteristics: Sequence[Characteristic]) -> None:
    """Refuse an empty list and a name that stands twice."""
    if not characteristics:
        raise ScorecardError("no characteristics: a scorecard needs at least one column to ask about")
    seen: set[str] = set()
    for characteristic in characteristics:
        if characteristic.name in seen:
            raise ScorecardError(f"characteristic {characteristic.name} is listed twice")
        seen.add(characteristic.name)
