with

judged as (

    select * from {{ ref('stg_declarations_judged') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

)

select
    judged._document_key as declaration_key,
    judged._source_id as source_id,
    judged.declaration_no,
    judged.order_no,
    judged._market as market,
    judged._month as month,
    judged.declared_at,
    {{ local_date('judged.declared_at', 'markets.time_zone') }} as declared_on,
    judged.flow,
    judged.declaring_country,
    judged.departure_country,
    judged.destination_country,
    judged.customs_office_code,
    judged.procedure_code,
    judged.transport_mode,
    {{ pseudonym("judged._source_id || '|' || judged.importer_id") }} as importer_key,
    judged.exporter_id,
    judged.declarant_id,
    judged.repairs,
    {{ load_columns() }}
from judged
left join markets on judged._market = markets.market
where judged.state in ('accepted', 'repaired')
