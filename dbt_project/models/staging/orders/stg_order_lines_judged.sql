with

arrived as (

    select * from {{ source('raw', 'order_lines') }}

),

-- A line without its header cannot be placed or dated: it follows the header into quarantine, and out of it again.
refused_headers as (

    select _document_key
    from {{ ref('stg_orders_judged') }}
    group by _document_key
    having count(case when state in ('accepted', 'repaired') then 1 end) = 0

),

currencies as (

    select * from {{ ref('currency') }}

),

typed as (

    select
        arrived.* exclude (quantity, unit_price_amount),
        arrived.quantity as quantity_text,
        arrived.unit_price_amount as unit_price_amount_text,
        {{ to_decimal('arrived.quantity') }} as quantity,
        {{ to_decimal('arrived.unit_price_amount') }} as unit_price_amount,
        currencies.code as known_currency_code,
        refused_headers._document_key as refused_document_key
    from arrived
    left join currencies on arrived.currency_code = currencies.code
    left join refused_headers on arrived._document_key = refused_headers._document_key

),

ruled as (

    select
        *,
        {{ violated([
            ('order_lines.order_no_missing', 'order_no is null'),
            ('order_lines.line_no_missing', 'line_no is null'),
            ('order_lines.market_unknown', "_market = 'ZZ'"),
            ('order_lines.product_id_missing', 'product_id is null'),
            ('order_lines.product_kind_unknown',
             "coalesce(product_kind, '') not in ('product', 'service', 'voucher', 'adjustment')"),
            ('order_lines.leg_type_unknown',
             "coalesce(leg_type, '') not in ('sale', 'cancellation', 'return', 'adjustment')"),
            ('order_lines.quantity_missing', 'quantity_text is null'),
            ('order_lines.quantity_unreadable', 'quantity_text is not null and quantity is null'),
            ('order_lines.quantity_against_leg',
             "(leg_type = 'sale' and quantity <= 0)"
             ~ " or (leg_type in ('cancellation', 'return') and product_kind = 'product' and quantity >= 0)"),
            ('order_lines.price_missing', 'unit_price_amount_text is null'),
            ('order_lines.price_unreadable', 'unit_price_amount_text is not null and unit_price_amount is null'),
            ('order_lines.price_negative', 'unit_price_amount < 0'),
            ('order_lines.amount_too_large',
             'abs(cast(quantity as double) * cast(unit_price_amount as double)) >= 1e12'),
            ('order_lines.currency_missing', 'currency_code is null'),
            ('order_lines.currency_unknown', 'currency_code is not null and known_currency_code is null'),
            ('order_lines.header_quarantined', 'refused_document_key is not null'),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('order_lines', ['quantity', 'unit_price_amount']) }} as payload
from stated
