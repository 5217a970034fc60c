with

judged as (

    select * from {{ ref('stg_declaration_lines_judged') }}

)

select
    _record_key as declaration_line_key,
    _document_key as declaration_key,
    _source_id as source_id,
    line_no,
    _market as market,
    _month as month,
    whole_hs_code as hs_code,
    substr(whole_hs_code, 1, 6) as hs6_code,
    origin_country,
    origin_country is not null and known_origin_country is null as is_origin_unknown,
    net_mass_kg,
    gross_mass_kg,
    quantity,
    line_value_amount,
    currency_code,
    duty_rate_pct,
    tax_type_code,
    origin_indicator_code,
    repairs,
    {{ load_columns() }}
from judged
where state in ('accepted', 'repaired')
