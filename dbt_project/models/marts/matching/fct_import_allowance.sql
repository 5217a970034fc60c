{#
    Each order uses the allowance up for the later ones of its calendar year, in the order of their times. What customs
    rejected or sent back uses nothing.
#}
with

imports as (

    select * from {{ with_published('fct_import_orders') }}

),

rules as (

    select * from {{ ref('match_rule') }}
    where rule_id = 'match.annual_allowance'

),

limits as (

    select * from {{ ref('import_limit') }}
    where limit_id = 'person_year'

),

limited as (

    select
        imports.order_key,
        imports.market,
        imports.month,
        imports.person_key,
        imports.ordered_at,
        imports.calendar_year,
        imports.declaration_key,
        imports.customs_status,
        imports.order_cny_amount,
        limits.amount as allowance_amount,
        rules.rule_id
    from imports
    inner join rules
        on
            imports.ordered_on >= rules.valid_from
            and (rules.valid_to is null or imports.ordered_on <= rules.valid_to)
            and contains(rules.supervision_modes, imports.supervision_mode)
    inner join limits
        on
            imports.ordered_on >= limits.valid_from
            and (limits.valid_to is null or imports.ordered_on <= limits.valid_to)

),

with_use as (

    select
        *,
        coalesce(sum(
            case when customs_status in ('released', 'in process') then order_cny_amount end
        ) over (
            partition by market, person_key, calendar_year
            order by ordered_at, order_key
            rows between unbounded preceding and 1 preceding
        ), 0) as used_cny_amount
    from limited

)

select
    order_key,
    market,
    month,
    rule_id,
    case
        when customs_status in ('stopped', 'rejected') then 'rejected'
        when person_key is null or order_cny_amount is null then 'waiting_document'
        when used_cny_amount + order_cny_amount <= allowance_amount then 'matched'
        else 'mismatch'
    end as match_status,
    {{ money_text('cast(used_cny_amount + order_cny_amount as decimal(19, 4))', "'CNY'") }} as left_value,
    {{ money_text('allowance_amount', "'CNY'") }} as right_value,
    cast(used_cny_amount + order_cny_amount - allowance_amount as double) as difference,
    cast(null as varchar) as left_document_key,
    declaration_key as right_document_key,
    person_key,
    calendar_year,
    cast(case when person_key is not null then used_cny_amount end as decimal(19, 4)) as used_cny_amount,
    order_cny_amount
from with_use
