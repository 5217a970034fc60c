with

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

-- Place and number are those of the declaration; its orders are told by the documents' homes.
lines as (

    select * exclude (market, month, declaration_no, order_no)
    from {{ with_published('stg_declaration_lines') }}

),

homes as (

    select * from {{ ref('stg_run_document_homes') }}
    where feed = 'declarations'

),

countries as (

    select * from {{ ref('iso_country') }}

),

first_order as (

    select
        document_key,
        market,
        month,
        order_key
    from homes
    qualify row_number() over (partition by document_key order by month, market, order_key) = 1

)

select
    lines.*,
    substr(lines.hs_code, 1, 6) as hs6_code,
    lines.origin_country is not null and countries.code is null as is_origin_unknown,
    coalesce(first_order.market, declarations.market) as market,
    coalesce(first_order.month, declarations.month) as month,
    first_order.order_key,
    declarations.declaration_no,
    declarations.declared_at,
    declarations.declared_on,
    declarations.flow,
    declarations.declaring_country,
    declarations.departure_country,
    declarations.destination_country,
    declarations.customs_office_code,
    declarations.procedure_code,
    declarations.transport_mode,
    declarations.importer_key,
    declarations.exporter_id,
    declarations.declarant_id
from lines
inner join declarations on lines.declaration_key = declarations.declaration_key
left join countries on lines.origin_country = countries.code
left join first_order on lines.declaration_key = first_order.document_key
