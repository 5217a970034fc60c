{{ config(materialized='table') }}
{#
    Both sides of every match rule, side by side, once per order. What a rule makes of them is said in fct_match_result.
    A retail import is worth what its buyer pays without the taxes (goods, freight, less the order's discount), in yuan.
#}
{% set has_one_parcel_and_paper = 'shipments.shipment_count = 1 and customs.declaration_count = 1'
    ~ ' and not shipments.has_shared_shipment and not customs.has_shared_declaration'
    ~ ' and coalesce(goods.apart_line_count, 0) = 0'
    ~ ' and shipments.waybill_weight_kg is not null and customs.declared_mass_kg is not null' %}
{% set has_line_times = 'goods.line_released_at is not null and goods.line_departed_at is not null' %}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

headers as (

    select * from {{ with_published('stg_orders') }}

),

match_groups as (

    select * from {{ ref('int_match_groups') }}

),

payments as (

    select * from {{ ref('int_payment_evidence') }}

),

shipments as (

    select * from {{ ref('int_shipment_evidence') }}

),

customs as (

    select * from {{ ref('int_customs_evidence') }}

),

goods as (

    select * from {{ ref('int_goods_evidence') }}

),

taxes as (

    select * from {{ ref('int_import_tax') }}

),

limits as (

    select * from {{ ref('import_limit') }}
    where limit_id = 'transaction'

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

imports as (

    select
        orders.order_key,
        orders.goods_amount + coalesce(orders.freight_amount, 0) - coalesce(orders.discount_amount, 0) as base_amount,
        case
            when orders.currency_code = 'CNY' then 1
            else rates.usd_per_unit / yuan_rates.usd_per_unit
        end as yuan_per_unit,
        limits.amount as transaction_limit,
        taxes.full_share,
        taxes.reduced_share
    from orders
    left join limits
        on
            orders.ordered_on >= limits.valid_from
            and (limits.valid_to is null or orders.ordered_on <= limits.valid_to)
    left join rates on orders.currency_code = rates.currency_code and orders.ordered_on = rates.valid_on
    left join rates as yuan_rates on orders.ordered_on = yuan_rates.valid_on and yuan_rates.currency_code = 'CNY'
    left join taxes on orders.order_key = taxes.order_key
    where orders.flow = 'import'

),

taxed as (

    select
        order_key,
        cast(round(cast(base_amount as double) * yuan_per_unit, 2) as decimal(19, 4)) as transaction_cny_amount,
        transaction_limit,
        cast(
            round(
                cast(base_amount as double)
                * case
                    when cast(base_amount as double) * yuan_per_unit > transaction_limit then full_share
                    else reduced_share
                end,
                2
            ) as decimal(19, 4)
        ) as composite_tax_amount
    from imports

)

select
    orders.order_key,
    orders.market,
    orders.month,
    match_groups.group_no,
    orders.order_no,
    orders.ordered_at,
    orders.ordered_on,
    orders.flow,
    orders.supervision_mode,
    orders.currency_code,
    orders.payable_amount,
    orders.tax_amount,
    -- Nothing more is waited for: the order was cancelled whole, customs sent its goods back, or the buyer has all of
    -- the money again before anything was shipped (the port has no message for a cancelled order).
    coalesce(goods.is_cancelled, false)
    or coalesce(customs.customs_status = 'stopped', false)
    or (coalesce(payments.is_refunded_whole, false) and shipments.shipment_count is null) as is_closed,
    orders.seller_id,
    -- The seller of whichever paper names another one; else that of any paper.
    case
        when customs.seller_key <> orders.seller_key then customs.seller_id
        when customs.last_seller_key <> orders.seller_key then customs.last_seller_id
        when shipments.seller_key <> orders.seller_key then shipments.seller_id
        when shipments.last_seller_key <> orders.seller_key then shipments.last_seller_id
        when orders.seller_key is not null then coalesce(customs.seller_id, shipments.seller_id)
    end as named_seller_id,
    goods.ordered_qty = 1 as is_indivisible,
    goods.line_count,
    payments.payment_key,
    payments.payment_no,
    payments.payment_count,
    payments.has_shared_payment,
    payments.first_paid_at,
    payments.paid_at,
    payments.paid_amount,
    payments.paid_currency_code,
    payments.last_paid_currency_code,
    payments.is_payer_id_stated and headers.buyer_id_no_key is not null as is_payer_id_stated,
    payments.payer_id_no_key = headers.buyer_id_no_key as is_payer_id_equal,
    payments.is_payer_name_stated and headers.buyer_name_key is not null as is_payer_name_stated,
    payments.payer_name_key = headers.buyer_name_key as is_payer_name_equal,
    payments.is_payer_name_stated and headers.consignee_name_key is not null as is_consignee_stated,
    payments.payer_name_key = headers.consignee_name_key as is_consignee_payer,
    shipments.shipment_key,
    shipments.waybill_no,
    shipments.waybill_nos,
    shipments.shipment_count,
    shipments.shipped_at,
    headers.consignee_name_key = shipments.consignee_name_key
    and headers.consignee_name_key = shipments.last_consignee_name_key
        as is_consignee_name_equal,
    headers.consignee_phone_key = shipments.consignee_phone_key
    and headers.consignee_phone_key = shipments.last_consignee_phone_key
        as is_consignee_phone_equal,
    headers.consignee_address_key = shipments.consignee_address_key
    and headers.consignee_address_key = shipments.last_consignee_address_key
        as is_consignee_address_equal,
    customs.declaration_key,
    customs.declaration_no,
    customs.declaration_count,
    customs.buyer_id_no_key as person_key,
    customs.has_shared_declaration,
    customs.is_listed,
    customs.declared_mode,
    customs.is_concluded,
    customs.customs_status,
    customs.declared_waybill_nos,
    {{ all_listed_in('customs.declared_waybill_nos', 'shipments.waybill_nos') }} as is_declared_waybill_known,
    headers.platform_code,
    customs.platform_code as declared_platform_code,
    headers.platform_code = customs.platform_code and headers.platform_code = customs.last_platform_code
        as is_platform_equal,
    headers.merchant_uscc,
    customs.merchant_uscc as declared_merchant_uscc,
    headers.merchant_uscc = customs.merchant_uscc and headers.merchant_uscc = customs.last_merchant_uscc
        as is_merchant_equal,
    customs.is_buyer_id_stated and headers.buyer_id_no_key is not null as is_declared_id_stated,
    headers.buyer_id_no_key = customs.buyer_id_no_key and headers.buyer_id_no_key = customs.last_buyer_id_no_key
        as is_declared_id_equal,
    customs.is_buyer_name_stated and headers.buyer_name_key is not null as is_declared_name_stated,
    headers.buyer_name_key = customs.buyer_name_key and headers.buyer_name_key = customs.last_buyer_name_key
        as is_declared_name_equal,
    goods.due_line_count,
    goods.declared_line_count,
    goods.other_product_count,
    goods.stranger_count,
    goods.to_declare_qty,
    goods.declared_qty,
    goods.over_declared_count,
    goods.under_declared_count,
    goods.valued_line_count,
    goods.value_amount,
    goods.declared_amount,
    goods.price_amount,
    goods.declared_price_amount,
    goods.to_ship_qty,
    goods.shipped_qty,
    goods.over_shipped_count,
    goods.under_shipped_count,
    case when {{ has_one_parcel_and_paper }} then shipments.waybill_weight_kg else goods.lines_weight_kg end
        as waybill_weight_kg,
    case when {{ has_one_parcel_and_paper }} then customs.declared_mass_kg else goods.lines_mass_kg end
        as declared_mass_kg,
    customs.released_at as first_released_at,
    case when {{ has_line_times }} then goods.line_released_at else customs.released_at end as released_at,
    case when {{ has_line_times }} then goods.line_departed_at else goods.departed_at end as departed_at,
    taxed.transaction_cny_amount,
    taxed.transaction_limit,
    taxed.composite_tax_amount
from orders
left join headers on orders.order_key = headers.order_key
left join match_groups
    on
        orders.source_id = match_groups.source_id
        and coalesce(orders.flow, '') = match_groups.flow
        and coalesce(orders.supervision_mode, '') = match_groups.supervision_mode
        and orders.ordered_on = match_groups.ordered_on
left join payments on orders.order_key = payments.order_key
left join shipments on orders.order_key = shipments.order_key
left join customs on orders.order_key = customs.order_key
left join goods on orders.order_key = goods.order_key
left join taxed on orders.order_key = taxed.order_key
