"""What the report of a market reads: one query per frame, over views that hold this market's published rows alone.

Belongs here: SQL about customers, marketing and stock. Does not: the rest of it (see `control_queries.py`), running it
(see `reading.py`), words and pictures.
Customers appear in sums only, and no cell of fewer than ten customers is read.
"""

from collections.abc import Mapping

from orchestration.reporting.market_report.control_queries import CONTROL_QUERIES
from orchestration.reporting.market_report.querying import FEWEST_PEOPLE, TODAY, TOP, Query, of

_NAMES = "select product_key, any_value(product_name) as product_name from dim_product group by all"
# By the seller's number, also of what nobody has bought here yet.
_CATALOGUE = """select product_id, arg_min(product_name, place) as product_name
    from (select product_id, product_name, 1 as place from dim_product
        union all select product_id, product_name, 2 from stg_products)
    where product_name is not null group by all"""

QUERIES: Mapping[str, Query] = {
    # Top of the page
    "market": of("dim_market", "select * from dim_market limit 1"),
    "loaded": of("fct_orders", "select max(ordered_on) as as_of, max(_loaded_at) as loaded_at from fct_orders"),
    "kpi_month": of(
        "market_kpi",
        f"""
        select date_trunc('month', kpi_on)::date as month, kpi_id, sum(numerator)::double as numerator,
            sum(denominator)::double as denominator
        from market_kpi where kpi_on <= {TODAY} and flow is not null group by all order by all
        """,
    ),
    "kpi_now": of(
        "market_kpi",
        f"""
        select kpi_id,
            sum(numerator) filter (where kpi_on > {TODAY} - 28)::double as now_numerator,
            sum(denominator) filter (where kpi_on > {TODAY} - 28)::double as now_denominator,
            sum(numerator) filter (where kpi_on <= {TODAY} - 28)::double as before_numerator,
            sum(denominator) filter (where kpi_on <= {TODAY} - 28)::double as before_denominator
        from market_kpi where kpi_on > {TODAY} - 56 and kpi_on <= {TODAY} group by all order by all
        """,
    ),
    # Who buys here
    "figures": of("customer_figure", "select figure, value, low, high, basis, words, as_of_on from customer_figure"),
    "segments": of(
        "segment_summary",
        f"select * from segment_summary where customer_count = 0 or customer_count >= {FEWEST_PEOPLE}"
        " order by kind, net_amount_pct desc nulls last, name",
    ),
    "value": of(
        "customer_value",
        """
        select count(*) filter (where purchase_count > 0) as buyers,
            count(*) filter (where is_churned) as churned, sum(expected_value_12m_usd) as expected_usd,
            sum(expected_purchases_12m) as expected_purchases, median(mean_amount_usd) as basket_usd
        from customer_value having count(*) > 0
        """,
    ),
    "movements": of(
        "segment_movement",
        f"""
        select month, from_segment, to_segment, sum(customer_count)::bigint as customer_count
        from segment_movement
        where month = (select max(month) from segment_movement where is_complete) and from_segment <> to_segment
            and from_segment <> 'not_yet'
        group by all having sum(customer_count) >= {FEWEST_PEOPLE}
        order by customer_count desc, from_segment, to_segment limit {TOP}
        """,
    ),
    "retention": of(
        "retention_cohort",
        f"""
        select cohort_month, months_since, retained_pct, cohort_count from retention_cohort
        where is_complete and cohort_count >= {FEWEST_PEOPLE} and months_since between 1 and 12
            and cohort_month in (
                select cohort_month from retention_cohort where cohort_count >= {FEWEST_PEOPLE}
                group by all order by cohort_month desc limit 13
            )
        order by all
        """,
    ),
    "repeat": of("repeat_summary", "select * from repeat_summary order by after_purchase"),
    "channels": of(
        "fct_orders",
        f"""
        select channel, count(*) as orders, count(distinct customer_key) as customers,
            sum(total_amount_usd)::double as usd
        from fct_orders where ordered_on > (select max(ordered_on) - 365 from fct_orders)
        group by all having count(distinct customer_key) >= {FEWEST_PEOPLE} order by usd desc nulls last, channel
        """,
    ),
    "surprises": of(
        "surprise",
        "from surprise qualify row_number() over (partition by subdivision_code is null order by surprise_rank)"
        f" <= {TOP} order by subdivision_code is not null, ratio desc",
    ),
    "audience": of(
        "audience_cell",
        f"""
        select dimension, group_value, buyer_count, basket_usd, repeat_pct, top_categories from audience_cell
        where not is_suppressed and second_value is null and buyer_count >= {FEWEST_PEOPLE}
            and dimension in ('subdivision_code', 'gender', 'age_band', 'screen')
        qualify row_number() over (partition by dimension order by buyer_count desc, group_value) <= 5
        order by list_position(['gender', 'age_band', 'subdivision_code', 'screen'], dimension),
            group_value = 'not_told', if(dimension = 'age_band', group_value, ''), buyer_count desc, group_value
        """,
    ),
    # What to show
    "shown": of(
        "recommendation dim_product",
        f"""
        select product_id, any_value(product_name) as product_name,
            count(*) filter (where customer_key <> '*') as lists,
            min(rank) filter (where customer_key = '*') as everybody_rank,
            min(made_on) as made_on
        from recommendation left join ({_NAMES}) as names using (product_key)
        group by product_id having lists >= {FEWEST_PEOPLE} or everybody_rank is not null
        order by coalesce(everybody_rank, 999), lists desc, product_id limit {TOP}
        """,
    ),
    "lists": of(
        "recommendation",
        """
        select count(distinct (source_id, customer_key)) filter (where customer_key <> '*') as customers,
            count(distinct product_id) as products, any_value(model) as model, max(made_on) as made_on
        from recommendation having count(*) > 0
        """,
    ),
    "list_scores": of(
        "recommendation_score",
        """
        select model, is_chosen, metric, k, value, customer_count from recommendation_score
        where period = 'test' and metric in ('recall', 'ndcg') and k = 20 and target = 'all' order by all
        """,
    ),
    "screens": of(
        "first_screen dim_product",
        f"""
        select landing_page, medium, max(session_count) as session_count,
            string_agg(coalesce(product_name, product_id), ' · ' order by rank) filter (where rank <= 3) as products
        from first_screen left join ({_NAMES}) as names using (product_key)
        group by landing_page, medium
        order by (landing_page = '*' and medium = '*') desc, session_count desc nulls last,
            landing_page, medium limit {TOP}
        """,
    ),
    "together": of(
        "bought_together dim_product",
        f"""
        select coalesce(one.product_name, product_id) as product,
            coalesce(other.product_name, other_product_id) as other_product, support, lift, lower_lift, upper_lift
        from bought_together
        left join ({_NAMES}) as one using (product_key)
        left join ({_NAMES}) as other on other.product_key = other_product_key
        where support >= 5 and product_id < other_product_id order by lower_lift desc nulls last, product, other_product
        limit {TOP}
        """,
    ),
    # Where visitors leave
    "stages": of(
        "funnel",
        """
        select stage_no, stage, sum(session_count)::double as visits, sum(bounce_count)::double as bounces
        from funnel where started_on > (select max(started_on) - 90 from funnel) group by all order by all
        """,
    ),
    "media_stages": of(
        "funnel",
        """
        select medium as part, stage_no, sum(session_count)::double as visits, sum(bounce_count)::double as bounces
        from funnel where started_on > (select max(started_on) - 90 from funnel) group by all order by all
        """,
    ),
    "screen_stages": of(
        "funnel",
        """
        select screen as part, stage_no, sum(session_count)::double as visits, sum(bounce_count)::double as bounces
        from funnel where started_on > (select max(started_on) - 90 from funnel) group by all order by all
        """,
    ),
    "losses": of(
        "funnel_loss",
        f"""
        select * from funnel_loss where is_unusual
        order by lost_value_usd desc nulls last, week_on desc, dimension, member,
            step limit {TOP}
        """,
    ),
    "landing": of(
        "fct_landing_page_month",
        f"""
        select landing_page, sum(session_count)::double as visits, sum(bounce_count)::double as bounces,
            sum(product_count)::double as products, sum(paid_count)::double as paid
        from fct_landing_page_month
        where month >= strftime((select max((month || '-01')::date) from fct_landing_page_month) - interval 2 month,
            '%Y-%m')
        group by all having visits >= 30 order by visits desc, landing_page limit {TOP}
        """,
    ),
    # Which media to fund
    "effects": of("media_effect", "select * from media_effect order by year_spend_usd desc nulls last, medium"),
    "budget": of("budget_suggestion", "select * from budget_suggestion order by spend_per_day_usd desc, medium"),
    "spend": of(
        "media_kpi",
        """
        select medium, sum(spend_usd)::double as spend_usd, sum(clicks)::double as clicks,
            sum(order_count)::double as orders, sum(new_customer_count)::double as new_customers,
            sum(revenue_usd)::double as revenue_usd
        from media_kpi where month > strftime(
            (select max((month || '-01')::date) from media_kpi) - interval 12 month, '%Y-%m')
        group by all having sum(spend_usd) > 0 order by spend_usd desc, medium
        """,
    ),
    "spend_month": of(
        "media_kpi",
        """
        select (month || '-01')::date as month, sum(spend_usd)::double as spend_usd,
            sum(revenue_usd) filter (where spend_usd > 0)::double as revenue_usd
        from media_kpi group by all order by all
        """,
    ),
    "attribution": of("media_attribution", "select model, medium, orders_pct, seen_pct, caveat from media_attribution"),
    # What to stock
    "demand_week": of(
        "fct_daily_demand",
        """
        select last_on - (7 * (date_diff('day', sold_on, last_on) // 7) + 6)::integer as week_on,
            sum(sold_qty)::double as qty
        from fct_daily_demand, (select max(sold_on) as last_on from fct_daily_demand)
        where sold_on > last_on - 364 group by all order by all
        """,
    ),
    "forecast": of(
        "demand_forecast",
        """
        select made_on, target_on, forecast_qty, p025_qty, p100_qty, p900_qty, p975_qty, model_code
        from demand_forecast where node_type = 'market' and step = 'week'
            and made_on = (select max(made_on) from demand_forecast where node_type = 'market' and step = 'week')
        order by target_on
        """,
    ),
    "forecast_score": of(
        "forecast_score",
        """
        select wape, naive_wape, fva_pct, bias_pct, coverage_80_pct, n from forecast_score
        where node_type = 'market' and step = 'week' order by made_on desc, n desc limit 1
        """,
    ),
    "reorder": of(
        "reorder dim_product stg_products",
        f"""
        select site_code, product_id, coalesce(product_name, category_code) as product_name,
            suggested_qty, order_value_usd, days_of_cover, on_hand_qty,
            arrives_on, reason, made_on, count(*) over () as found, sum(order_value_usd) over () as total_usd
        from reorder
        left join ({_CATALOGUE}) using (product_id)
        where suggested_qty > 0 and regexp_matches(markets, '\\b' || getvariable('market') || '\\b')
        order by is_below_reorder_point desc, order_value_usd desc nulls last, site_code, product_id limit {TOP}
        """,
    ),
    "assortment": of(
        "assortment dim_product stg_products",
        f"""
        select category_code, action, evidence, revenue_usd, growth_pct, margin_pct, stock_turns, made_on, (
            select string_agg(coalesce(product_name || ' ', '') || named.product_id, chr(10) order by place)
            from (select unnest(string_split(products, ', ')) as product_id,
                generate_subscripts(string_split(products, ', '), 1) as place) as named
            left join ({_CATALOGUE}) using (product_id)) as products
        from assortment where action <> 'keep' order by revenue_usd desc nulls last, category_code limit {TOP}
        """,
    ),
    "categories": of(
        "assortment",
        f"""
        select category_code, revenue_usd, growth_pct, margin_pct, stock_turns, action from assortment
        order by revenue_usd desc nulls last, category_code limit {TOP}
        """,
    ),
    **CONTROL_QUERIES,
}
