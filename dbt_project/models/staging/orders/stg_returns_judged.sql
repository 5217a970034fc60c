with

raw_returns as (

    select * from {{ source('raw', 'returns') }}

),

order_lines as (

    select * from {{ with_published('stg_order_lines') }}

),

returned_orders as (

    select distinct _order_key
    from raw_returns
    where _order_key is not null

),

sold_lines as (

    select
        order_lines.order_key,
        order_lines.line_no,
        sum(case when order_lines.leg_type = 'sale' then order_lines.quantity end) as sold_qty
    from order_lines
    inner join returned_orders on order_lines.order_key = returned_orders._order_key
    group by order_lines.order_key, order_lines.line_no

),

-- An order of which nothing is known is waited for; only one that is there can be told to lack a line.
known_orders as (

    select distinct order_key from sold_lines

),

latest_returns as (

    select
        _record_key,
        _order_key,
        _market,
        _month,
        order_line_no,
        return_no,
        line_no,
        {{ to_timestamp('returned_at') }} as returned_at,
        {{ to_decimal('quantity') }} as quantity
    from raw_returns
    where _replayed_by is null and _record_key is not null
    qualify
        row_number() over (partition by _record_key order by _version desc, _event_at desc, _content_hash desc) = 1

),

-- What came back of a line in the same month up to each return: the first ones stand, the one too many does not.
returned_so_far as (

    select
        _record_key,
        sum(quantity) over (
            partition by _market, _month, _order_key, order_line_no
            order by returned_at, return_no, line_no
            rows between unbounded preceding and current row
        ) as returned_qty
    from latest_returns
    where quantity > 0 and returned_at is not null

),

arrived as (

    select
        raw_returns.*,
        known_orders.order_key is not null as is_order_known,
        sold_lines.sold_qty,
        returned_so_far.returned_qty
    from raw_returns
    left join known_orders on raw_returns._order_key = known_orders.order_key
    left join sold_lines
        on raw_returns._order_key = sold_lines.order_key and raw_returns.order_line_no = sold_lines.line_no
    left join returned_so_far on raw_returns._record_key = returned_so_far._record_key

),

{{ judged_feed('returns') }}
