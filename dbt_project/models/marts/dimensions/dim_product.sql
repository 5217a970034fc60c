with

lines as (

    select * from {{ with_published('fct_order_lines') }}

),

places as (

    select distinct market from {{ ref('stg_run_mart_places') }}

),

of_these_markets as (

    select lines.*
    from lines
    inner join places on lines.market = places.market

),

spans as (

    select
        market,
        product_key,
        min(ordered_on) as first_sold_on,
        max(ordered_on) as last_sold_on,
        cast(sum(case when leg_type = 'sale' then quantity else 0 end) as decimal(19, 4)) as sold_qty
    from of_these_markets
    group by market, product_key

),

-- A product changes its name in the course of time; the newest that is not empty is the one that people know.
newest_name as (

    select
        market,
        product_key,
        source_id,
        product_id,
        product_name,
        product_kind
    from of_these_markets
    qualify
        row_number() over (
            partition by market, product_key
            order by
                case when product_name is null then 1 else 0 end,
                case when leg_type = 'sale' then 0 else 1 end,
                ordered_at desc,
                line_key desc
        ) = 1

)

select
    newest_name.market,
    newest_name.product_key,
    newest_name.source_id,
    newest_name.product_id,
    newest_name.product_name,
    newest_name.product_kind,
    spans.first_sold_on,
    spans.last_sold_on,
    spans.sold_qty
from newest_name
inner join spans on newest_name.market = spans.market and newest_name.product_key = spans.product_key
