"""The declared tables of the scorecard of the cleaning.

Belongs here: names, types and words of what is published. Does not: how the figures come about (see `scorecard.py`).
"""

from collections.abc import Mapping

from orchestration.modeling.manifest import PublishedModel

LAYER = "quality"


CLEANING_SCORECARD = PublishedModel.whole(
    LAYER,
    "cleaning_scorecard",
    {
        "number": "integer",
        "defect_id": "varchar",
        "visibility": "varchar",
        "treatment": "varchar",
        "injected": "bigint",
        "caught": "bigint",
        "treated_right": "bigint",
        "recall": "double",
        "naive_recall": "double",
        "false_alarms": "bigint",
        "false_alarms_per_10k": "double",
        "words": "varchar",
    },
)
CLEANING_BY_FEED = PublishedModel.whole(
    LAYER,
    "cleaning_by_feed",
    {
        "feed": "varchar",
        "records": "bigint",
        "dirty": "bigint",
        "injected": "bigint",
        "caught": "bigint",
        "recall": "double",
        "flagged": "bigint",
        "flagged_dirty": "bigint",
        "precision": "double",
    },
)
CLEANING_MISSED = PublishedModel.whole(
    LAYER,
    "cleaning_missed",
    {"defect_id": "varchar", "source_id": "varchar", "feed": "varchar", "record_key": "varchar", "reason": "varchar"},
)
SCORECARD_MODELS = (CLEANING_SCORECARD, CLEANING_BY_FEED, CLEANING_MISSED)
WORDS: Mapping[str, str] = {
    "number": "Number in the catalogue of defects; several defects may share one.",
    "defect_id": "The defect.",
    "visibility": "certain: a rule can see it; statistical: only a score can; invisible: nothing in the data shows it.",
    "treatment": "What the catalogue wants to be done about it.",
    "injected": "Records that have it, by the truth.",
    "caught": "Those that a rule noticed; null where there is no rule to be sure of.",
    "treated_right": "Those that were also treated as the catalogue wants.",
    "recall": "Caught of injected; of a statistical defect: found by its score at one false alarm in a thousand.",
    "naive_recall": "Of a statistical defect: found by a rule of thumb at as many false alarms.",
    "false_alarms": "Clean records of the feed that the defect's rules marked; null where it has no rules.",
    "false_alarms_per_10k": "The same for ten thousand clean records.",
    "words": "The defect in words.",
    "feed": "The feed.",
    "records": "Records that were judged.",
    "dirty": "Those that some defect touched, themselves or with another record.",
    "flagged": "Records that a rule marked, but for rules that can only suspect.",
    "flagged_dirty": "Those of them that are dirty.",
    "precision": "Dirty of flagged.",
    "source_id": "Feed of one system.",
    "record_key": "The record's surrogate key; a file's name where the defect is the file's.",
    "reason": "What became of it instead.",
}
