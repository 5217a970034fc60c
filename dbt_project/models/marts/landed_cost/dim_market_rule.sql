with

rules as (

    select * from {{ ref('market_rule') }}

),

places as (

    select distinct market from {{ ref('stg_run_mart_places') }}

)

select
    rules.rule_key,
    rules.market,
    rules.rule,
    rules.origin,
    rules.carriage,
    rules.valid_from,
    rules.valid_to,
    rules.status,
    cast(rules.value as decimal(19, 4)) as value,
    rules.unit,
    rules.currency_code,
    rules.basis,
    rules.source,
    rules.strength,
    rules.verified_on,
    rules.note
from rules
inner join places on rules.market = places.market
