{#
    One branch for each term. A term that does not apply has no row; one that applies and is not known has a row without
    an amount, and says why.
#}
with

costs as (

    select * from {{ ref('int_landed_costs') }}

),

freight as (

    select * from {{ ref('int_landed_cost_freight') }}

),

words as (

    select * from {{ ref('int_landed_cost_words') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

delivered_feeds as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

settling_sources as (

    select distinct source_id
    from delivered_feeds
    where feed = 'settlements'

),

-- Settlements of an order in several currencies have no sum; the first by name stands.
payment_fees as (

    select
        documents.order_key,
        settlements.currency_code,
        sum(-settlements.amount) as fee_amount
    from settlements
    inner join documents on settlements.settlement_line_key = documents.document_key
    where settlements.leg_type = 'payment_fee' and documents.feed = 'settlements'
    group by documents.order_key, settlements.currency_code
    qualify row_number() over (partition by documents.order_key order by settlements.currency_code) = 1

),

goods as (

    select
        line_key,
        'goods' as term,
        goods_amount as amount,
        currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        case when is_discounted then 2 else 1 end as reason_id
    from costs

),

freights as (

    select
        costs.line_key,
        'freight' as term,
        coalesce(freight.freight_amount, costs.charged_freight_amount) as amount,
        case when freight.freight_amount is not null then freight.currency_code else costs.currency_code end
            as currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        case
            when freight.freight_amount is not null then 3
            when costs.charged_freight_amount is not null then 4
            else 5
        end as reason_id
    from costs
    left join freight on costs.line_key = freight.line_key

),

insurances as (

    select
        line_key,
        'insurance' as term,
        insurance_amount as amount,
        currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        6 as reason_id
    from freight
    where insurance_amount is not null

),

duties as (

    select
        line_key,
        'duty' as term,
        duty_amount as amount,
        duty_currency as currency_code,
        tested_amount,
        duty_reason as reason_id
    from costs
    where duty_reason is not null

),

import_taxes as (

    select
        line_key,
        'import_tax' as term,
        import_tax_amount as amount,
        currency_code,
        tested_amount,
        tax_reason as reason_id
    from costs

),

handlings as (

    select
        line_key,
        'handling' as term,
        handling_amount as amount,
        case when handling_amount is null then currency_code else handling_fee_currency end as currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        handling_reason as reason_id
    from costs
    where handling_reason is not null

),

settled_fees as (

    select
        costs.line_key,
        'payment_fee' as term,
        {{ running_share('payment_fees.fee_amount', 'costs.share_from', 'costs.share_to') }} as amount,
        coalesce(payment_fees.currency_code, costs.currency_code) as currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        case when payment_fees.order_key is null then 56 else 55 end as reason_id
    from costs
    left join payment_fees on costs.order_key = payment_fees.order_key
    left join settling_sources on costs.source_id = settling_sources.source_id
    where payment_fees.order_key is not null or settling_sources.source_id is not null

),

reserves as (

    select
        line_key,
        'return_reserve' as term,
        return_reserve_amount as amount,
        currency_code,
        cast(null as decimal(19, 4)) as tested_amount,
        60 as reason_id
    from costs

),

terms as (

    select * from goods
    union all
    select * from freights
    union all
    select * from insurances
    union all
    select * from duties
    union all
    select * from import_taxes
    union all
    select * from handlings
    union all
    select * from settled_fees
    union all
    select * from reserves

)

select
    terms.line_key,
    costs.order_key,
    costs.market,
    costs.month,
    terms.term,
    terms.amount,
    terms.currency_code,
    case
        when terms.currency_code = costs.currency_code
            then {{ in_usd('terms.amount', 'terms.currency_code', 'costs.order_usd_rate') }}
        else {{ in_usd('terms.amount', 'terms.currency_code', 'rates.usd_per_unit') }}
    end as amount_usd,
    words.basis,
    words.rule_key,
    words.reason,
    terms.tested_amount,
    case when terms.tested_amount is not null then costs.limit_currency end as tested_currency_code,
    words.explanation
from terms
inner join costs on terms.line_key = costs.line_key
inner join words on words.word_key = costs.period_key * 64 + terms.reason_id
left join rates on terms.currency_code = rates.currency_code and costs.ordered_on = rates.valid_on
