with

judged as (

    select * from {{ ref('stg_fx_rates_judged') }}

)

select
    provider,
    rate_on,
    currency_code,
    rate_per_eur,
    repairs,
    {{ load_columns() }}
from judged
where state in ('accepted', 'repaired')
