"""What orders tell of a seller: size, course, steadiness, concentration, and how they were served.

Belongs here: SQL over the orders of `facts.py`, one row per seller and day. Does not: rates and their shrinking.

What goes wrong is counted beside what would have gone wrong for other sellers with the same market, route and quarter,
so that a seller is not blamed for a slow post or a peak (indirect standardisation).
"""

# What is counted per order; each is true, false, or null where the order does not tell.
EVENTS = ("late", "cancelled", "returned", "undelivered", "open_trail", "stopped")

_COUNTS = ",\n".join(
    f"        count(is_{name}) as {name}_n, count(*) filter (where is_{name}) as {name}_k" for name in EVENTS
)
_SUMS = ",\n".join(f"        sum({name}_n) as {name}_n, sum({name}_k) as {name}_k" for name in EVENTS)
_RATES = ",\n".join(
    f"        sum({name}_k) over cell / nullif(sum({name}_n) over cell, 0) * {name}_n as {name}_e" for name in EVENTS
)
_TOTALS = ",\n".join(
    f"        sum({name}_n) as {name}_n, sum({name}_k) as {name}_k, sum({name}_e) as {name}_e" for name in EVENTS
)

# as_of_on, seller_key; per event trials `_n`, cases `_k`, cases expected `_e`; `pace` and its spread within sellers.
SERVICE = f"""
    with
    cells as (
        select as_of_on, seller_key, market, is_stocked, quarter,
{_COUNTS},
            count(pace) as pace_n, sum(pace) as pace_sum, sum(pace * pace) as pace_squares,
            count(*) as order_n
        from credit_seen
        group by all
    ),
    expected as (
        select *,
{_RATES},
            sum(pace_sum) over cell / nullif(sum(pace_n) over cell, 0) as pace_mean
        from cells
        window cell as (partition by as_of_on, market, is_stocked, quarter)
    )
    select as_of_on, seller_key,
{_TOTALS},
        sum(pace_n)::double as pace_n,
        sum(pace_sum - pace_n * pace_mean) as pace_sum,
        sum(pace_squares - 2 * pace_mean * pace_sum + pace_n * pace_mean * pace_mean) as pace_squares
    from expected
    group by all
"""

# The last year in thirteen periods of four weeks, the newest of which is 0. What a period would have brought is the
# seller's year in each market times the market's share of its year that fell into the period.
SALES = """
    with
    periods as (
        select as_of_on, seller_key, market, date_diff('day', ordered_at::date, as_of_on - 1) // 28 as period,
            count(*) as orders, sum(usd) as usd
        from credit_seen
        where ordered_at >= as_of_on - interval (364) day and not is_cancelled
        group by all
    ),
    markets as (
        select as_of_on, market, period, orders / sum(orders) over (partition by as_of_on, market) as share
        from (select as_of_on, market, period, sum(orders) as orders from periods group by all)
    ),
    years as (
        select as_of_on, seller_key, market, sum(orders) as orders, sum(usd) as usd from periods group by all
    ),
    expected as (
        select years.as_of_on, years.seller_key, markets.period, sum(years.orders * markets.share) as expected_orders,
            sum(years.usd * markets.share) as expected_usd
        from years
        inner join markets on years.as_of_on = markets.as_of_on and years.market = markets.market
        group by all
    ),
    sold as (
        select as_of_on, seller_key, period, sum(orders) as orders, sum(usd) as usd from periods group by all
    ),
    beside as (
        select expected.*, coalesce(sold.orders, 0) as orders, coalesce(sold.usd, 0) as usd, sold.usd as told_usd
        from expected
        left join sold
            on expected.as_of_on = sold.as_of_on and expected.seller_key = sold.seller_key
            and expected.period = sold.period
    )
    select as_of_on, seller_key,
        sum(orders)::double as orders_12m,
        -- Null where none of the orders has a value in dollars: that is not nothing sold.
        sum(told_usd)::double as sales_12m_usd,
        sum(orders) filter (where period < 3)::double as recent_orders,
        sum(expected_orders) filter (where period < 3)::double as expected_recent_orders,
        sum(usd) filter (where period = 0)::double as last_usd,
        sum(expected_usd) filter (where period = 0)::double as expected_last_usd,
        sum((orders - expected_orders) * (orders - expected_orders) / greatest(expected_orders, 0.05))::double
            as order_deviance,
        count(*) filter (where orders > 0)::double as active_periods
    from beside
    group by all
"""

# The chance that two orders of the last year went to one market, and to one buyer: free of the number of orders.
CONCENTRATION = """
    with
    last_year as (
        select as_of_on, seller_key, market, customer_key
        from credit_seen
        where ordered_at >= as_of_on - interval (364) day and not is_cancelled
    ),
    buyers as (
        select as_of_on, seller_key, market, customer_key, count(*)::double as orders from last_year group by all
    ),
    markets as (
        select as_of_on, seller_key, market, sum(orders) as orders,
            sum(orders * (orders - 1)) filter (where customer_key is not null) as buyer_pairs,
            sum(orders) filter (where customer_key is not null) as known_orders
        from buyers
        group by all
    )
    select as_of_on, seller_key,
        count(*)::double as market_count,
        sum(orders * (orders - 1)) / nullif(sum(orders) * (sum(orders) - 1), 0) as market_concentration,
        sum(buyer_pairs) / nullif(sum(known_orders) * (sum(known_orders) - 1), 0) as buyer_concentration
    from markets
    group by all
"""

# Customs' answers, per declaration of the window and beside those to others in the same market.
CUSTOMS = """
    with
    declarations as (
        select as_of_on, seller_key, declaration_key, any_value(market) as market, bool_or(is_rejected) as is_rejected,
            bool_or(is_inspected) as is_inspected
        from credit_seen
        where declaration_key is not null
        group by as_of_on, seller_key, declaration_key
    ),
    cells as (
        select as_of_on, seller_key, market, count(*) as n,
            count(*) filter (where is_rejected) as rejected_k,
            count(*) filter (where is_inspected) as inspected_k
        from declarations
        group by all
    ),
    expected as (
        select *, n * sum(rejected_k) over cell / sum(n) over cell as rejected_e,
            n * sum(inspected_k) over cell / sum(n) over cell as inspected_e
        from cells
        window cell as (partition by as_of_on, market)
    )
    select as_of_on, seller_key, sum(n) as rejected_n, sum(rejected_k) as rejected_k, sum(rejected_e) as rejected_e,
        sum(n) as inspected_n, sum(inspected_k) as inspected_k, sum(inspected_e) as inspected_e
    from expected
    group by all
"""

# Orders of which both sides of a rule are there by the day: a broken rule; a declared value that is not the sold one.
PAPERS = """
    select as_of_on, seller_key,
        -- The rules hold documents against each other: before the trail is closed some of them are to come.
        count(is_broken) filter (where is_open_trail = false) as mismatch_n,
        count(*) filter (where is_broken and is_open_trail = false) as mismatch_k,
        count(is_misdeclared) as misdeclared_n,
        count(*) filter (where is_misdeclared) as misdeclared_k
    from credit_seen
    group by all
"""
