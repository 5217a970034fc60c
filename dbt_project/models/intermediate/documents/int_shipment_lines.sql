{#
    What a shipment weighs and what its freight cost is said once, on one of its lines; the others refer to that line.
    The sum of the stated figures is the shipment's, and each line gets its share by value (equal shares where no value
    is known). The last line takes what rounding leaves, so that the shares add up to the whole.
#}
with

shipments as (

    select * from {{ ref('int_shipments') }}

),

lines as (

    select * from {{ with_published('stg_shipment_lines') }}

),

placed as (

    select
        lines.* replace (shipments.market as market, shipments.month as month),
        row_number() over (partition by lines.shipment_key order by lines.line_no desc) as position_from_end,
        count(*) over (partition by lines.shipment_key) as line_count,
        sum(lines.weight_kg) over (partition by lines.shipment_key) as shipment_weight_kg,
        sum(lines.freight_amount) over (partition by lines.shipment_key) as shipment_freight_amount,
        sum(lines.line_value_amount) over (partition by lines.shipment_key) as shipment_value_amount,
        count(lines.line_value_amount) over (partition by lines.shipment_key) as valued_line_count
    from lines
    inner join shipments on lines.shipment_key = shipments.shipment_key

),

shares as (

    select
        *,
        case
            when valued_line_count = line_count and shipment_value_amount > 0
                then cast(line_value_amount as double) / cast(shipment_value_amount as double)
            else 1.0 / line_count
        end as value_share
    from placed

),

rounded as (

    select
        *,
        cast(round(cast(shipment_weight_kg as double) * value_share, 4) as decimal(19, 4)) as weight_share_kg,
        cast(round(cast(shipment_freight_amount as double) * value_share, 4) as decimal(19, 4)) as freight_share_amount
    from shares

)

select
    * exclude (position_from_end, value_share, valued_line_count, weight_share_kg, freight_share_amount),
    case
        when position_from_end = 1
            then cast(
                shipment_weight_kg - coalesce(sum(case when position_from_end > 1 then weight_share_kg end)
                    over (partition by shipment_key), 0) as decimal(19, 4)
            )
        else weight_share_kg
    end as allocated_weight_kg,
    case
        when position_from_end = 1
            then cast(
                shipment_freight_amount - coalesce(sum(case when position_from_end > 1 then freight_share_amount end)
                    over (partition by shipment_key), 0) as decimal(19, 4)
            )
        else freight_share_amount
    end as allocated_freight_amount
from rounded
