with

raw_orders as (

    select * from {{ source('raw', 'orders') }}

),

raw_lines as (

    select * from {{ source('raw', 'order_lines') }}

),

subdivisions as (

    select * from {{ ref('subdivision') }}

),

{{ catalogue() }},

sale_lines as (

    select
        _document_key,
        _record_key,
        _version,
        _event_at,
        _content_hash,
        _ids_of,
        _source_id,
        product_id,
        currency_code,
        {{ to_decimal('quantity') }} as quantity,
        {{ to_decimal('unit_price_amount') }} as unit_price_amount
    from raw_lines
    where leg_type = 'sale' and _replayed_by is null

),

lines_told_again as (

    select _record_key
    from sale_lines
    group by _record_key
    having count(*) > 1

),

-- Only lines that came more than once are ranked: a window over all lines would sort them all.
latest_sale_lines as (

    select sale_lines.*
    from sale_lines
    left join lines_told_again on sale_lines._record_key = lines_told_again._record_key
    where lines_told_again._record_key is null
    union all
    select sale_lines.*
    from sale_lines
    inner join lines_told_again on sale_lines._record_key = lines_told_again._record_key
    qualify
        row_number() over (
            partition by sale_lines._record_key
            order by sale_lines._version desc, sale_lines._event_at desc, sale_lines._content_hash desc
        ) = 1

),

line_sums as (

    select
        latest_sale_lines._document_key,
        count(*) as line_count,
        -- One line that cannot be read, and the sum is unknown.
        case
            when count(*) = count(latest_sale_lines.quantity * latest_sale_lines.unit_price_amount)
                then cast(sum(latest_sale_lines.quantity * latest_sale_lines.unit_price_amount) as decimal(19, 4))
        end as line_sum_amount,
        sum(
            case
                when catalogue.catalogue_price_usd is not null
                    then cast(latest_sale_lines.quantity * latest_sale_lines.unit_price_amount as double)
            end
        ) as compared_amount,
        sum(cast(latest_sale_lines.quantity as double) * catalogue.catalogue_price_usd * magnitudes.units_per_usd)
            as catalogue_amount
    from latest_sale_lines
    left join catalogue
        on
            coalesce(latest_sale_lines._ids_of, latest_sale_lines._source_id) = catalogue.catalogue_source_id
            and latest_sale_lines.product_id = catalogue.catalogue_product_id
    left join magnitudes on latest_sale_lines.currency_code = magnitudes.code
    group by latest_sale_lines._document_key

),

several_orders as (

    select
        _market,
        _month,
        _source_id,
        seller_id,
        customer_id
    from raw_orders
    where seller_id is not null and customer_id is not null and _replayed_by is null
    group by _market, _month, _source_id, seller_id, customer_id
    having count(*) > 2

),

-- Of the month: what came earlier or later in other months decides nothing, so that no order of arrival does.
same_buyer as (

    select
        raw_orders._market,
        raw_orders._month,
        raw_orders._source_id,
        raw_orders.seller_id,
        raw_orders.customer_id,
        count(distinct raw_orders._document_key) as same_buyer_order_count
    from raw_orders
    inner join several_orders
        on
            raw_orders._market = several_orders._market
            and raw_orders._month = several_orders._month
            and raw_orders._source_id = several_orders._source_id
            and raw_orders.seller_id = several_orders.seller_id
            and raw_orders.customer_id = several_orders.customer_id
    where raw_orders._replayed_by is null
    group by
        raw_orders._market, raw_orders._month, raw_orders._source_id, raw_orders.seller_id, raw_orders.customer_id
    -- Messages were counted above, and a message may come twice.
    having count(distinct raw_orders._document_key) > 2

),

shared_devices as (

    select
        _market,
        _month,
        device_id,
        true as is_shared_device
    from raw_orders
    where device_id is not null and _replayed_by is null
    group by _market, _month, device_id
    having min(customer_id) <> max(customer_id)

),

shared_identities as (

    select
        _market,
        _month,
        buyer_id_no,
        true as is_shared_identity
    from raw_orders
    where buyer_id_no is not null and _replayed_by is null
    group by _market, _month, buyer_id_no
    having min({{ folded('buyer_name') }}) <> max({{ folded('buyer_name') }})

),

arrived as (

    select
        raw_orders.*,
        line_sums.line_sum_amount,
        line_sums.line_count,
        -- The sum of doubles ends otherwise with the order of its rows.
        round(line_sums.compared_amount / nullif(line_sums.catalogue_amount, 0), 9) as price_ratio,
        same_buyer.same_buyer_order_count,
        shared_devices.is_shared_device,
        shared_identities.is_shared_identity,
        -- The birthday in the resident id, before the id itself is hashed: digits 7 to 14, and 17 for the sex.
        case
            when raw_orders.buyer_id_no is null then null
            when {{ age_by_resident_id('raw_orders.buyer_id_no', 'raw_orders.ordered_at') }} < 18 then 'under 18'
            when {{ age_by_resident_id('raw_orders.buyer_id_no', 'raw_orders.ordered_at') }} < 30 then '18-29'
            when {{ age_by_resident_id('raw_orders.buyer_id_no', 'raw_orders.ordered_at') }} < 45 then '30-44'
            when {{ age_by_resident_id('raw_orders.buyer_id_no', 'raw_orders.ordered_at') }} < 60 then '45-59'
            when {{ age_by_resident_id('raw_orders.buyer_id_no', 'raw_orders.ordered_at') }} < 130 then '60 and over'
        end as buyer_age_band,
        case
            when substr(raw_orders.buyer_id_no, 17, 1) in ('1', '3', '5', '7', '9') then 'male'
            when substr(raw_orders.buyer_id_no, 17, 1) in ('0', '2', '4', '6', '8') then 'female'
        end as buyer_sex
    from raw_orders
    left join line_sums on raw_orders._document_key = line_sums._document_key
    left join same_buyer
        on
            raw_orders._market = same_buyer._market
            and raw_orders._month = same_buyer._month
            and raw_orders._source_id = same_buyer._source_id
            and raw_orders.seller_id = same_buyer.seller_id
            and raw_orders.customer_id = same_buyer.customer_id
    left join shared_devices
        on
            raw_orders._market = shared_devices._market
            and raw_orders._month = shared_devices._month
            and raw_orders.device_id = shared_devices.device_id
    left join shared_identities
        on
            raw_orders._market = shared_identities._market
            and raw_orders._month = shared_identities._month
            and raw_orders.buyer_id_no = shared_identities.buyer_id_no

),

{{ judged_feed('orders') }}
