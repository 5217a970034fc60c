{{ config(materialized='table') }}
{#
    Each term in its own columns: the amount, and the reason (an id of the seed `landed_cost_reason`) that says how it
    came about. A document is believed before a rule, and where neither speaks the amount is null. Limits are compared
    in their own currency, at the rate of the order's day.
#}
with

lines as (

    select * from {{ ref('int_landed_cost_lines') }}

),

periods as (

    select * from {{ ref('int_market_rule_periods') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

freight as (

    select * from {{ ref('int_landed_cost_freight') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

delivered_feeds as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

settling_sources as (

    select distinct source_id
    from delivered_feeds
    where feed = 'settlements'

),

-- Settlements of an order in several currencies have no sum; the first by name stands.
payment_fees as (

    select
        documents.order_key,
        settlements.currency_code,
        sum(-settlements.amount) as fee_amount
    from settlements
    inner join documents on settlements.settlement_line_key = documents.document_key
    where settlements.leg_type = 'payment_fee' and documents.feed = 'settlements'
    group by documents.order_key, settlements.currency_code
    qualify row_number() over (partition by documents.order_key order by settlements.currency_code) = 1

),

-- An amount for each distinct code of the order: lines of one code share it. Told from the lines that such a rule may
-- concern, which are few, and not from the wide rows below.
codes as (

    select
        lines.line_key,
        row_number() over (partition by lines.order_key, lines.hs6_code order by lines.line_key) as position,
        count(*) over (partition by lines.order_key, lines.hs6_code) as line_count
    from lines
    inner join periods
        on
            lines.market = periods.market
            and lines.origin_country = periods.origin_country
            and lines.departure_country = periods.departure_country
            and lines.carriage = periods.carriage
            and lines.ordered_on >= periods.valid_from
            and lines.ordered_on < periods.valid_to
    where
        periods.per_item_duty_amount is not null
        and periods.is_customs_border
        and lines.route = 'border'
        and lines.hs6_code is not null
        and lines.duty_rate_pct is null

),

dated as (

    select
        lines.*,
        {% for rule in landed_cost_rules() -%}
        periods.{{ rule }},
        {% endfor -%}
        periods.period_key,
        periods.is_customs_border,
        periods.vat_basis,
        periods.limit_basis,
        periods.limit_currency,
        periods.vat_standard_rate_pct_status,
        periods.postal_flat_duty_amount_status,
        periods.handling_fee_amount_status,
        periods.union_handling_fee_amount_status,
        periods.handling_fee_basis,
        periods.handling_fee_currency,
        periods.per_item_duty_currency,
        order_rate.usd_per_unit as order_usd_rate,
        case
            when lines.currency_code = periods.limit_currency then 1.0
            else order_rate.usd_per_unit / limit_rate.usd_per_unit
        end as limit_per_unit
    from lines
    left join periods
        on
            lines.market = periods.market
            and lines.origin_country = periods.origin_country
            and lines.departure_country = periods.departure_country
            and lines.carriage = periods.carriage
            and lines.ordered_on >= periods.valid_from
            and lines.ordered_on < periods.valid_to
    left join rates as order_rate
        on lines.currency_code = order_rate.currency_code and lines.ordered_on = order_rate.valid_on
    left join rates as limit_rate
        on periods.limit_currency = limit_rate.currency_code and lines.ordered_on = limit_rate.valid_on

),

valued as (

    select
        *,
        -- To the fourth place, as money is kept: a value on the limit must not miss it by a rounding of the machine.
        round(
            limit_per_unit * case limit_basis
                when 'item price' then cast(goods_amount as double) / nullif(cast(quantity as double), 0)
                when 'customs value' then cast(order_goods_amount + order_freight_amount as double)
                else cast(order_goods_amount as double)
            end, 4
        ) as tested_amount,
        cast(goods_amount + coalesce(charged_freight_amount, 0) as double) as delivered_amount,
        case
            when limit_basis = 'customs value'
                then cast(goods_amount + coalesce(charged_freight_amount, 0) as double)
            else cast(goods_amount as double)
        end as dutiable_amount,
        route = 'border' and is_customs_border as is_at_border,
        coalesce(handling_fee_amount_status = 'unsourced' or union_handling_fee_amount_status = 'unsourced', false)
            as is_handling_unsourced,
        coalesce(supervision_mode, '9610') in ('1210', '1239', '9610') as is_retail_import
    from dated

),

duty_judged as (

    select
        *,
        case
            when route = 'domestic' then null
            when route = 'unknown' then 21
            when route = 'local_stock' then 20
            when not is_customs_border then 19
            when
                composite_tax_pct is not null and is_retail_import
                and tested_amount <= composite_single_limit_amount
                then 18
            when duty_rate_pct is not null then 14
            when postal_flat_duty_amount_status = 'unsourced' then 23
            when
                tested_amount is null
                and (duty_relief_amount > 0 or per_item_duty_amount > 0 or flat_duty_pct > 0)
                then 17
            when duty_relief_amount > 0 and tested_amount <= duty_relief_amount then 10
            when tested_amount <= per_item_duty_limit_amount and per_item_duty_amount is not null
                then case when hs6_code is null then 24 else 11 end
            when flat_duty_min_per_kg_amount is not null then 22
            when flat_duty_pct is not null and flat_duty_limit_amount is null then 12
            when flat_duty_pct is not null and tested_amount <= flat_duty_limit_amount then 12
            when
                flat_duty_above_pct is not null
                and (flat_duty_above_limit_amount is null or tested_amount <= flat_duty_above_limit_amount)
                then 13
            when duty_relief_amount is null then 16
            else 15
        end as duty_reason
    from valued

),

with_duty as (

    select
        duty_judged.*,
        case duty_judged.duty_reason
            when 10 then 0
            when 18 then 0
            when 19 then 0
            when 11
                then
                    round(duty_judged.per_item_duty_amount * codes.position / codes.line_count, 2)
                    - round(duty_judged.per_item_duty_amount * (codes.position - 1) / codes.line_count, 2)
            when 12 then round(duty_judged.dutiable_amount * duty_judged.flat_duty_pct / 100, 4)
            when 13
                then
                    round(duty_judged.dutiable_amount * duty_judged.flat_duty_above_pct / 100, 4)
                    - coalesce({{ running_share(
                        'duty_judged.flat_duty_above_deduction_amount / duty_judged.limit_per_unit',
                        'duty_judged.share_from', 'duty_judged.share_to'
                    ) }}, 0)
            when 14 then round(duty_judged.delivered_amount * duty_judged.duty_rate_pct / 100, 4)
        end as duty_amount
    from duty_judged
    left join codes on duty_judged.line_key = codes.line_key

),

tax_judged as (

    select
        *,
        case
            when stated_tax_amount is not null then 30
            when route = 'unknown' then 41
            when route = 'local_stock' then 40
            when route = 'domestic' then 42
            when vat_standard_rate_pct_status = 'none' then 44
            when not is_customs_border then case when vat_standard_rate_pct is null then 35 else 39 end
            when duty_reason = 18 then 37
            when flat_duty_covers_tax = 1 and duty_reason in (12, 13) then 38
            when tested_amount is null and (import_vat_relief_amount > 0 or vat_at_sale_limit_amount > 0) then 36
            when import_vat_relief_amount > 0 and tested_amount <= import_vat_relief_amount then 31
            when vat_standard_rate_pct is null then 35
            when tested_amount <= vat_at_sale_limit_amount
                then
                    case
                        when vat_basis = 'price without tax' then 32
                        when duty_amount is null then 34
                        else 45
                    end
            when
                (order_goods_amount + order_freight_amount) * vat_standard_rate_pct / 100 * limit_per_unit
                <= tax_waived_amount
                then 43
            when import_vat_relief_amount is null then 35
            when duty_amount is null then 34
            when vat_basis = 'price without tax' then 33
            else 46
        end as tax_reason,
        vat_standard_rate_pct / (100 - vat_standard_rate_pct) as tax_in_price_share
    from with_duty

)

select
    tax_judged.line_key,
    tax_judged.order_key,
    tax_judged.market,
    tax_judged.month,
    tax_judged.ordered_on,
    tax_judged.currency_code,
    tax_judged.order_usd_rate,
    coalesce(tax_judged.period_key, 0) as period_key,
    tax_judged.goods_amount,
    case when tax_judged.is_discounted then 2 else 1 end as goods_reason,
    coalesce(freight.freight_amount, tax_judged.charged_freight_amount) as freight_amount,
    case when freight.freight_amount is null then tax_judged.currency_code else freight.currency_code end
        as freight_currency,
    case
        when freight.freight_amount is not null then 3
        when tax_judged.charged_freight_amount is not null then 4
        else 5
    end as freight_reason,
    freight.insurance_amount,
    freight.currency_code as insurance_currency,
    case when freight.insurance_amount is not null then 6 end as insurance_reason,
    cast(tax_judged.tested_amount as decimal(19, 4)) as tested_amount,
    tax_judged.limit_currency,
    tax_judged.duty_reason,
    cast(tax_judged.duty_amount as decimal(19, 4)) as duty_amount,
    case when tax_judged.duty_reason = 11 then tax_judged.per_item_duty_currency else tax_judged.currency_code end
        as duty_currency,
    tax_judged.tax_reason,
    cast(round(
        case tax_judged.tax_reason
            when 30 then cast(tax_judged.stated_tax_amount as double)
            when 31 then 0
            when 38 then 0
            when 43 then 0
            when 44 then 0
            when 32 then tax_judged.delivered_amount * tax_judged.vat_standard_rate_pct / 100
            when 39 then tax_judged.delivered_amount * tax_judged.vat_standard_rate_pct / 100
            when 37 then tax_judged.delivered_amount * tax_judged.composite_tax_pct / 100
            when 33 then (tax_judged.delivered_amount + tax_judged.duty_amount) * tax_judged.vat_standard_rate_pct / 100
            when 45 then (tax_judged.delivered_amount + tax_judged.duty_amount) * tax_judged.tax_in_price_share
            when 46 then (tax_judged.delivered_amount + tax_judged.duty_amount) * tax_judged.tax_in_price_share
        end, 4
    ) as decimal(19, 4)) as import_tax_amount,
    case
        when not tax_judged.is_at_border then null
        when tax_judged.is_handling_unsourced then 52
        when tax_judged.handling_fee_amount is not null and tax_judged.handling_fee_basis = 'line' then 51
        when tax_judged.handling_fee_amount is not null then 50
    end as handling_reason,
    case
        when not tax_judged.is_at_border then null
        when tax_judged.is_handling_unsourced then null
        when tax_judged.handling_fee_basis = 'line' then cast(tax_judged.handling_fee_amount as decimal(19, 4))
        else {{ running_share('tax_judged.handling_fee_amount', 'tax_judged.share_from', 'tax_judged.share_to') }}
    end as handling_amount,
    coalesce(tax_judged.handling_fee_currency, tax_judged.currency_code) as handling_currency,
    cast(round(cast(tax_judged.goods_amount as double) * tax_judged.return_reserve_pct / 100, 4) as decimal(19, 4))
        as return_reserve_amount,
    case
        when payment_fees.order_key is not null then 55
        when settling_sources.source_id is not null then 56
    end as payment_fee_reason,
    {{ running_share('payment_fees.fee_amount', 'tax_judged.share_from', 'tax_judged.share_to') }}
        as payment_fee_amount,
    coalesce(payment_fees.currency_code, tax_judged.currency_code) as payment_fee_currency
from tax_judged
left join freight on tax_judged.line_key = freight.line_key
left join payment_fees on tax_judged.order_key = payment_fees.order_key
left join settling_sources on tax_judged.source_id = settling_sources.source_id
