{# The person is whom customs knows, so an order counts from its list on: before it there is nobody to count it for. #}
with

evidence as (

    select * from {{ ref('int_order_evidence') }}
    where flow = 'import' and not (is_closed and declaration_count is null)

)

select
    order_key,
    market,
    month,
    person_key,
    ordered_at,
    ordered_on,
    cast(year(ordered_on) as integer) as calendar_year,
    supervision_mode,
    transaction_cny_amount as order_cny_amount,
    declaration_key,
    customs_status
from evidence
