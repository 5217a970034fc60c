"""What planners give a small installation: files with a good row and five bad ones, and what becomes of each.

Belongs here: rows and their fates. Does not: the chain that they run through (see flow/test_chain.py).
"""

# The product is the cake stand of the shop of test_chain.py, whose orders are of January 2011.
OVERRIDES = b"""\
override_id,market_country,node_type,node_id,from_on,to_on,quantity,factor_pct,reason,decided_by,decided_at,status,model_qty
o1,GB,product,22423,2011-02-01,2011-03-15,70,,a film about cakes,Ann,2026-02-27,,3
o2,GB,product,22423,2011-02-01,2011-02-28,70,,,Ann,2026-02-27,,3
o3,GB,product,22423,2011-02-28,2011-02-01,70,,a fair,,2026-02-27,,3
o4,GB,shop,22423,2011-02-01,2011-02-28,-1,,a fair,Ann,2026-02-27,,3
o5,GB,product,22423,2011-02-01,2011-02-28,70,130,a fair,Ann,2026-02-27,,3
o6,GB,product,22423,2011-02-01,2011-02-28,,1.3,a fair,Ann,2026-02-27,,3
o7,GB,product,22423,2011-02-01,2011-02-28,,,,,,,3
o8,FR,market,FR,2011-02-01,2011-02-28,,130,a fair,Ann,2026-02-27,,3
"""
# The next day one is mended, one is raised, and one withdrawn.
OVERRIDES_MENDED = b"""\
override_id,market_country,node_type,node_id,from_on,to_on,quantity,factor_pct,reason,decided_by,decided_at,status
o1,GB,product,22423,2011-02-01,2011-03-15,84,,two films about cakes,Ann,2026-02-28,
o5,GB,category,unknown,2011-03-01,2011-03-31,,130,a fair,Ann,2026-02-28,
o8,FR,market,FR,2011-02-01,2011-02-28,,,no fair after all,Ann,2026-02-28,withdrawn
"""
DECISIONS = b"""\
suggestion_id,site_code,product_id,suggested_qty,decision,quantity,reason,decided_by,decided_at,on_hand_qty
s1,W1,22423,100,Accepted,,as suggested,Ann,2026-02-27,4
s2,W1,85123A,100,changed,,half will do,Ann,2026-02-27,4
s3,W1,47566,100,maybe,,who knows,Ann,2026-02-27,4
s4,W1,84879,100,,,,,,4
"""
PROMOTIONS = b"""\
promotion_id,product_id,market_country,starts_on,ends_on,discount_pct,event_code,updated_at
p1,22423,GB,2026-11-09,2026-11-12,20,singles_day,2026-02-27
"""
FILES = {
    "planners__forecast_overrides_1.csv": OVERRIDES,
    "planners__forecast_overrides_2.csv": OVERRIDES_MENDED,
    "planners__promotions_1.csv": PROMOTIONS,
}
STANDING_OVERRIDES = [
    ("o1", "GB", "2011-02", 84, None, "two films about cakes", None),
    ("o5", "GB", "2011-03", None, 130, "a fair", None),
    ("o8", "FR", "2011-02", None, None, "no fair after all", "withdrawn"),
]
# Row and every rule that it breaks.
QUARANTINED_OVERRIDES = [
    (2, "forecast_overrides.reason_missing"),
    (3, "forecast_overrides.decided_by_missing;forecast_overrides.dates_reversed"),
    (4, "forecast_overrides.node_type_unknown;forecast_overrides.quantity_negative"),
    (5, "forecast_overrides.quantity_or_factor"),
    (6, "forecast_overrides.factor_is_a_fraction"),
]
QUARANTINED_DECISIONS = [
    (2, "order_decisions.changed_without_quantity"),
    (3, "order_decisions.decision_unknown"),
]
