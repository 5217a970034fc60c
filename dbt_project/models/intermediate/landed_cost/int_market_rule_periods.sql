{{ config(materialized='table') }}
{#
    The rules of the seed beside each other: within a period none of them changes for the origin, place of departure and
    carriage of its goods. A rule without a row says nothing for its market: status and value are null, as where the
    rule does not exist. All limits of a market share one currency and one basis (tests/unit/test_market_rules.py).
#}
with

rules as (

    select * from {{ ref('market_rule') }}

),

lines as (

    select * from {{ ref('int_landed_cost_lines') }}

),

ways as (

    select distinct
        market,
        origin_country,
        departure_country,
        carriage
    from lines

),

changes as (

    select distinct
        market,
        valid_from
    from rules

),

periods as (

    select
        market,
        valid_from,
        coalesce(lead(valid_from) over (partition by market order by valid_from), date '2031-01-01') as valid_to
    from changes

),

in_force as (

    select
        ways.market,
        ways.origin_country,
        ways.departure_country,
        ways.carriage,
        periods.valid_from,
        periods.valid_to,
        rules.rule,
        rules.rule_key,
        rules.status,
        rules.value,
        rules.currency_code,
        rules.basis
    from ways
    inner join periods on ways.market = periods.market
    inner join rules
        on
            periods.market = rules.market
            and periods.valid_from >= rules.valid_from
            and periods.valid_from < rules.valid_to
            and rules.carriage in ('*', ways.carriage)
            and (
                (rules.rule = 'customs_border' and {{ holds_for('rules.origin', 'ways.departure_country') }})
                or (rules.rule <> 'customs_border' and {{ holds_for('rules.origin', 'ways.origin_country') }})
            )

)

select
    market,
    origin_country,
    departure_country,
    carriage,
    valid_from,
    valid_to,
    cast(row_number() over (order by market, origin_country, departure_country, carriage, valid_from) as integer)
        as period_key,
    coalesce(max(case when rule = 'customs_border' then value end), 1) = 1 as is_customs_border,
    max(case when rule = 'customs_border' then rule_key end) as customs_border_key,
    {% for rule in landed_cost_rules() -%}
    max(case when rule = '{{ rule }}' then value end) as {{ rule }},
    max(case when rule = '{{ rule }}' then status end) as {{ rule }}_status,
    max(case when rule = '{{ rule }}' then rule_key end) as {{ rule }}_key,
    {% endfor -%}
    max(case when rule = 'vat_standard_rate_pct' then basis end) as vat_basis,
    max(case when rule = 'flat_duty_pct' then basis end) as flat_duty_basis,
    max(case when rule = 'handling_fee_amount' then basis end) as handling_fee_basis,
    max(case when rule = 'handling_fee_amount' then currency_code end) as handling_fee_currency,
    max(case when rule = 'per_item_duty_amount' then currency_code end) as per_item_duty_currency,
    max(
        case
            when
                rule in (
                    'import_vat_relief_amount', 'vat_at_sale_limit_amount', 'duty_relief_amount',
                    'per_item_duty_limit_amount', 'flat_duty_limit_amount', 'composite_single_limit_amount'
                )
                then currency_code
        end
    ) as limit_currency,
    max(
        case
            when
                rule in (
                    'import_vat_relief_amount', 'vat_at_sale_limit_amount', 'duty_relief_amount',
                    'per_item_duty_limit_amount', 'flat_duty_limit_amount', 'composite_single_limit_amount'
                )
                then basis
        end
    ) as limit_basis
from in_force
group by market, origin_country, departure_country, carriage, valid_from, valid_to
