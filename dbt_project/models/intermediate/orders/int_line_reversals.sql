{{ config(materialized='table') }}
{#
    Which sale a negative leg takes back. A source that names the sale is believed; else the leg is tied to the latest
    earlier sale of the same product to the same customer at the same price, within the window, as long as the sale has
    units left. What cannot be tied stays without a sale: it is never guessed across customers or prices.
#}
with

lines as (

    select * from {{ ref('int_order_lines') }}

),

reversals as (

    select *
    from lines
    where leg_type in ('cancellation', 'return') and product_kind = 'product'

),

sales as (

    select *
    from lines
    where leg_type = 'sale'

),

documented as (

    select
        reversals.line_key,
        sales.line_key as reverses_line_key,
        sales.quantity as sold_qty,
        -reversals.quantity as reversed_qty,
        reversals.ordered_at
    from reversals
    inner join sales
        on
            reversals.source_id = sales.source_id
            and reversals.reverses_order_no = sales.order_no
            and (
                reversals.reverses_line_no = sales.line_no
                or (reversals.reverses_line_no is null and reversals.product_key = sales.product_key)
            )
    qualify row_number() over (partition by reversals.line_key order by sales.line_no, sales.line_key) = 1

),

candidates as (

    select
        reversals.line_key,
        sales.line_key as reverses_line_key,
        sales.quantity as sold_qty,
        -reversals.quantity as reversed_qty,
        reversals.ordered_at
    from reversals
    inner join sales
        on
            reversals.source_id = sales.source_id
            and reversals.market = sales.market
            and reversals.customer_key = sales.customer_key
            and reversals.product_key = sales.product_key
            and reversals.unit_price_amount = sales.unit_price_amount
            and reversals.currency_code = sales.currency_code
    where
        reversals.reverses_order_no is null
        and sales.ordered_at <= reversals.ordered_at
        and {{ days_between('sales.ordered_on', 'reversals.ordered_on') }} <= {{ var('reversal_window_days') }}
        and sales.quantity >= -reversals.quantity

),

latest_sale as (

    select candidates.*
    from candidates
    inner join sales on candidates.reverses_line_key = sales.line_key
    qualify
        row_number() over (
            partition by candidates.line_key
            order by sales.ordered_at desc, sales.quantity asc, sales.line_key asc
        ) = 1

),

claims as (

    select
        line_key,
        reverses_line_key,
        sold_qty,
        reversed_qty,
        ordered_at,
        'documented' as reversal_basis
    from documented
    union all
    select
        line_key,
        reverses_line_key,
        sold_qty,
        reversed_qty,
        ordered_at,
        'inferred' as reversal_basis
    from latest_sale

),

-- Several legs may take back one sale, but together no more than was sold; what the source documents comes first.
units_left as (

    select
        *,
        sum(reversed_qty) over (
            partition by reverses_line_key
            order by case when reversal_basis = 'documented' then 0 else 1 end, ordered_at, line_key
            rows between unbounded preceding and current row
        ) as reversed_so_far_qty
    from claims

)

select
    line_key,
    reverses_line_key,
    reversal_basis
from units_left
where reversal_basis = 'documented' or reversed_so_far_qty <= sold_qty
