{% set line_value_amount_usd = in_usd('lines.line_value_amount', 'lines.currency_code', 'rates.usd_per_unit') %}
with

lines as (

    select * from {{ ref('int_declaration_lines') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

)

select
    lines.declaration_line_key,
    lines.declaration_key,
    lines.source_id,
    lines.declaration_no,
    lines.line_no,
    lines.market,
    lines.month,
    lines.order_key,
    lines.declared_at,
    lines.declared_on,
    lines.flow,
    lines.declaring_country,
    lines.departure_country,
    lines.destination_country,
    lines.origin_country,
    lines.is_origin_unknown,
    lines.hs_code,
    lines.hs6_code,
    lines.net_mass_kg,
    lines.gross_mass_kg,
    lines.quantity,
    lines.line_value_amount,
    lines.currency_code,
    {{ line_value_amount_usd }} as line_value_amount_usd,
    lines.line_value_amount is not null and {{ line_value_amount_usd }} is null as is_fx_missing,
    lines.duty_rate_pct,
    lines.tax_type_code,
    lines.origin_indicator_code,
    lines.customs_office_code,
    lines.procedure_code,
    lines.transport_mode,
    lines.importer_key,
    lines.exporter_id,
    lines.declarant_id,
    lines.repairs,
    lines._file,
    lines._row,
    lines._batch_id,
    lines._loaded_at,
    lines._content_hash
from lines
inner join places on lines.market = places.market and lines.month = places.month
left join rates on lines.currency_code = rates.currency_code and lines.declared_on = rates.valid_on
