"""The columns of a judged loss, apart from the judgement: tables are declared where no maths is loaded."""

LOSS_COLUMNS = (
    "dimension",
    "member",
    "step",
    "week_on",
    "entered_count",
    "lost_count",
    "loss_pct",
    "usual_loss_pct",
    "lower_loss_pct",
    "upper_loss_pct",
    "p_value",
    "q_value",
    "is_unusual",
    "excess_lost_count",
    "lost_orders",
    "lower_lost_orders",
    "upper_lost_orders",
    "lost_value_usd",
    "lower_lost_value_usd",
    "upper_lost_value_usd",
)
