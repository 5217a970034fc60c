{{ config(materialized='table') }}
{#
    Where the goods come from decides the flow: the seller's home (the latest version of the seller), else what the
    order's own declaration says. A summary repeats the lists of many orders and says nothing about one of them.
#}
with

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

orders as (

    select * from {{ with_published('stg_orders') }}

),

lines as (

    select * from {{ with_published('stg_order_lines') }}

),

sellers as (

    select * from {{ with_published('stg_sellers') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

sold as (

    select distinct order_key
    from lines
    where leg_type = 'sale' and product_kind = 'product'

),

latest_seller as (

    select
        seller_key,
        home_country
    from sellers
    qualify row_number() over (partition by seller_key order by valid_from desc, seller_version_key desc) = 1

),

declared as (

    select
        documents.order_key,
        declarations.declaration_key,
        declarations.declared_at,
        declarations.flow,
        declarations.supervision_mode
    from documents
    inner join declarations on documents.document_key = declarations.declaration_key
    where
        documents.feed = 'declarations'
        and (declarations.document_kind is null or declarations.document_kind <> 'summary')

),

first_declaration as (

    select
        order_key,
        flow,
        supervision_mode
    from declared
    qualify row_number() over (partition by order_key order by declared_at, declaration_key) = 1

)

select
    orders.order_key,
    orders.source_id,
    orders.market,
    orders.month,
    orders.order_no,
    orders.ordered_at,
    orders.ordered_on,
    orders.seller_key,
    orders.seller_id,
    latest_seller.home_country as seller_country,
    orders.customer_key,
    orders.channel,
    orders.currency_code,
    orders.payable_amount,
    orders.goods_amount,
    orders.freight_amount,
    orders.tax_amount,
    orders.discount_amount,
    orders.promised_on,
    case
        when latest_seller.home_country is null then first_declaration.flow
        when latest_seller.home_country = orders.market then 'domestic'
        when orders.market = 'CN' then 'import'
        else 'export'
    end as flow,
    first_declaration.supervision_mode,
    orders.order_status,
    orders.changed_at,
    orders.tags
from orders
inner join places on orders.market = places.market and orders.month = places.month
inner join sold on orders.order_key = sold.order_key
left join latest_seller on orders.seller_key = latest_seller.seller_key
left join first_declaration on orders.order_key = first_declaration.order_key
