{{ config(materialized='table') }}
{#
    Goods are what the buyer pays for them: the line less its share of the order's discount. `route` says what the goods
    cross: nothing (domestic), no customs border of their own (local_stock: sent from a store within the market), a
    border. Bonded imports into China are sent from China and cross its border all the same.
#}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

lines as (

    select * from {{ ref('int_ledger_lines') }}

),

products as (

    select * from {{ with_published('stg_products') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

latest_product as (

    select
        product_key,
        origin_country,
        substr(hs_code, 1, 6) as hs6_code
    from products
    qualify row_number() over (partition by product_key order by valid_from desc, product_version_key desc) = 1

),

-- Of several parcels one by post is a matter of the courier too.
sent as (

    select
        documents.order_key,
        min(shipments.origin_country) as departure_country,
        case when min(shipments.transport_mode) = 'post' and max(shipments.transport_mode) = 'post' then 'post' end
            as carriage
    from documents
    inner join shipments on documents.document_key = shipments.shipment_key
    where documents.feed = 'shipments'
    group by documents.order_key

),

-- Only the import's own declaration states the duty; an export declaration states that of the country it leaves.
stated_duty as (

    select
        declaration_lines.order_line_key,
        max(declaration_lines.duty_rate_pct) as duty_rate_pct
    from declaration_lines
    inner join declarations on declaration_lines.declaration_key = declarations.declaration_key
    where
        declaration_lines.duty_rate_pct is not null
        and declaration_lines.order_line_key is not null
        and declarations.flow = 'import'
    group by declaration_lines.order_line_key

),

order_value as (

    select
        order_key,
        sum(line_amount) as line_amount,
        count(*) as line_count,
        min(currency_code) = max(currency_code) as is_one_currency
    from lines
    group by order_key

),

valued as (

    select
        lines.line_key,
        lines.order_key,
        lines.product_key,
        lines.quantity,
        lines.line_amount,
        lines.currency_code,
        order_value.line_amount as order_line_amount,
        order_value.line_count,
        order_value.is_one_currency,
        -- An order worth nothing is shared by its lines alike.
        case when order_value.line_amount > 0 then order_value.line_amount else order_value.line_count end
            as total_weight,
        case when order_value.line_amount > 0 then lines.line_amount else 1 end as weight
    from lines
    inner join order_value on lines.order_key = order_value.order_key

),

-- Most orders have one line, which takes the whole: only the others are sorted.
running as (

    select
        *,
        sum(weight) over (partition by order_key order by line_key rows unbounded preceding) as weight_so_far
    from valued
    where line_count > 1
    union all
    select
        *,
        total_weight as weight_so_far
    from valued
    where line_count = 1

),

placed as (

    select
        running.line_key,
        running.order_key,
        orders.source_id,
        orders.market,
        orders.month,
        orders.ordered_on,
        running.currency_code,
        running.quantity,
        running.line_amount,
        running.order_line_amount,
        case
            when running.line_count = 1 then 0
            else cast(running.weight_so_far - running.weight as double) / cast(running.total_weight as double)
        end as share_from,
        cast(running.weight_so_far as double) / cast(running.total_weight as double) as share_to,
        -- Several currencies in one order have no sum: nothing of the order can be shared.
        running.is_one_currency and running.currency_code = orders.currency_code as is_one_currency,
        orders.freight_amount,
        orders.discount_amount,
        orders.tax_amount,
        orders.flow,
        orders.supervision_mode,
        orders.seller_country,
        sent.departure_country,
        sent.carriage,
        running.product_key
    from running
    inner join orders on running.order_key = orders.order_key
    left join sent on running.order_key = sent.order_key

),

shared as (

    select
        *,
        case when is_one_currency then {{ running_share('discount_amount', 'share_from', 'share_to') }} end
            as line_discount_amount,
        case when is_one_currency then {{ running_share('freight_amount', 'share_from', 'share_to') }} end
            as charged_freight_amount,
        case
            when is_one_currency and tax_amount > 0
                then {{ running_share('tax_amount', 'share_from', 'share_to') }}
        end as stated_tax_amount
    from placed

)

select
    shared.line_key,
    shared.order_key,
    shared.source_id,
    shared.market,
    shared.month,
    shared.ordered_on,
    shared.currency_code,
    shared.quantity,
    shared.share_from,
    shared.share_to,
    shared.is_one_currency,
    cast(shared.line_amount - coalesce(shared.line_discount_amount, 0) as decimal(19, 4)) as goods_amount,
    coalesce(shared.line_discount_amount, 0) > 0 as is_discounted,
    shared.charged_freight_amount,
    shared.stated_tax_amount,
    case
        when shared.is_one_currency
            then cast(shared.order_line_amount - coalesce(shared.discount_amount, 0) as decimal(19, 4))
    end as order_goods_amount,
    case when shared.is_one_currency then coalesce(shared.freight_amount, 0) end as order_freight_amount,
    shared.supervision_mode,
    case
        when shared.flow is null then 'unknown'
        when shared.flow = 'import' then 'border'
        when shared.flow = 'domestic' then 'domestic'
        when shared.departure_country = shared.market then 'local_stock'
        else 'border'
    end as route,
    coalesce(latest_product.origin_country, shared.seller_country, '??') as origin_country,
    coalesce(shared.departure_country, shared.seller_country, '??') as departure_country,
    coalesce(shared.carriage, 'courier') as carriage,
    latest_product.hs6_code,
    stated_duty.duty_rate_pct
from shared
left join latest_product on shared.product_key = latest_product.product_key
left join stated_duty on shared.line_key = stated_duty.order_line_key
