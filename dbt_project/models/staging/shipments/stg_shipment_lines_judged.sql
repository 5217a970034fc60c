with

raw_lines as (

    select * from {{ source('raw', 'shipment_lines') }}

),

-- A weight or freight may be stated on another line of the same shipment; the reference must name one that exists.
stated_lines as (

    select distinct
        _document_key,
        line_no
    from raw_lines

),

arrived as (

    select
        raw_lines.*,
        weight_lines.line_no as weight_line_no,
        freight_lines.line_no as freight_line_no
    from raw_lines
    left join stated_lines as weight_lines
        on raw_lines._document_key = weight_lines._document_key and raw_lines.weight_ref = weight_lines.line_no
    left join stated_lines as freight_lines
        on raw_lines._document_key = freight_lines._document_key and raw_lines.freight_ref = freight_lines.line_no

),

{{ judged_feed('shipment_lines') }}
