with

arrived as (

    select * from {{ source('raw', 'shipment_lines') }}

),

-- A line without its header cannot be placed or dated: it follows the header into quarantine, and out of it again.
refused_headers as (

    select _document_key
    from {{ ref('stg_shipments_judged') }}
    group by _document_key
    having count(case when state in ('accepted', 'repaired') then 1 end) = 0

),

currencies as (

    select * from {{ ref('currency') }}

),

-- A weight or freight may be stated on another line of the same shipment; the reference must name one that exists.
stated_lines as (

    select distinct
        _document_key,
        line_no
    from arrived

),

typed as (

    select
        arrived.* exclude (quantity, line_value_amount, weight_kg, freight_amount, insurance_amount),
        arrived.quantity as quantity_text,
        arrived.line_value_amount as line_value_amount_text,
        arrived.weight_kg as weight_kg_text,
        arrived.freight_amount as freight_amount_text,
        arrived.insurance_amount as insurance_amount_text,
        {{ to_decimal('arrived.quantity') }} as quantity,
        {{ to_decimal('arrived.line_value_amount') }} as line_value_amount,
        {{ to_decimal('arrived.weight_kg') }} as weight_kg,
        {{ to_decimal('arrived.freight_amount') }} as freight_amount,
        {{ to_decimal('arrived.insurance_amount') }} as insurance_amount,
        currencies.code as known_currency_code,
        refused_headers._document_key as refused_document_key,
        weight_lines.line_no as weight_line_no,
        freight_lines.line_no as freight_line_no
    from arrived
    left join currencies on arrived.currency_code = currencies.code
    left join refused_headers on arrived._document_key = refused_headers._document_key
    left join stated_lines as weight_lines
        on arrived._document_key = weight_lines._document_key and arrived.weight_ref = weight_lines.line_no
    left join stated_lines as freight_lines
        on arrived._document_key = freight_lines._document_key and arrived.freight_ref = freight_lines.line_no

),

ruled as (

    select
        *,
        {{ violated([
            ('shipment_lines.waybill_no_missing', 'waybill_no is null'),
            ('shipment_lines.line_no_missing', 'line_no is null'),
            ('shipment_lines.market_unknown', "_market = 'ZZ'"),
            ('shipment_lines.quantity_unreadable', 'quantity_text is not null and quantity is null'),
            ('shipment_lines.quantity_negative', 'quantity < 0'),
            ('shipment_lines.value_unreadable', 'line_value_amount_text is not null and line_value_amount is null'),
            ('shipment_lines.value_negative', 'line_value_amount < 0'),
            ('shipment_lines.weight_unreadable', 'weight_kg_text is not null and weight_kg is null'),
            ('shipment_lines.weight_negative', 'weight_kg < 0'),
            ('shipment_lines.freight_unreadable', 'freight_amount_text is not null and freight_amount is null'),
            ('shipment_lines.freight_negative', 'freight_amount < 0'),
            ('shipment_lines.insurance_unreadable', 'insurance_amount_text is not null and insurance_amount is null'),
            ('shipment_lines.reference_unresolved',
             '(weight_ref is not null and weight_line_no is null)'
             ~ ' or (freight_ref is not null and freight_line_no is null)'),
            ('shipment_lines.currency_unknown', 'currency_code is not null and known_currency_code is null'),
            ('shipment_lines.header_quarantined', 'refused_document_key is not null'),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('shipment_lines', [
        'quantity', 'line_value_amount', 'weight_kg', 'freight_amount', 'insurance_amount',
    ]) }} as payload
from stated
