{#
    A term that does not apply has no row; one that applies and is not known has a row without an amount, and says why.
    Each branch carries what it needs: a second look at the line by its key would cost more than all else.
#}
{% set terms = [
    ('goods', 'goods_amount', 'currency_code', 'goods_reason', false),
    ('freight', 'freight_amount', 'freight_currency', 'freight_reason', false),
    ('insurance', 'insurance_amount', 'insurance_currency', 'insurance_reason', false),
    ('duty', 'duty_amount', 'duty_currency', 'duty_reason', true),
    ('import_tax', 'import_tax_amount', 'currency_code', 'tax_reason', true),
    ('handling', 'handling_amount', 'handling_currency', 'handling_reason', false),
    ('payment_fee', 'payment_fee_amount', 'payment_fee_currency', 'payment_fee_reason', false),
    ('return_reserve', 'return_reserve_amount', 'currency_code', '60', false)
] %}
with

costs as (

    select * from {{ ref('int_landed_costs') }}

),

words as (

    select * from {{ ref('int_landed_cost_words') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

terms as (

    {% for term, amount, currency, reason, is_tested in terms -%}
    select
        line_key,
        order_key,
        market,
        month,
        ordered_on,
        '{{ term }}' as term,
        {{ amount }} as amount,
        {{ currency }} as currency_code,
        -- Nearly all amounts are in the order's currency: the rate of the line serves them.
        nullif({{ currency }}, currency_code) as foreign_currency,
        order_usd_rate,
        {{ 'tested_amount' if is_tested else 'cast(null as decimal(19, 4))' }} as tested_amount,
        {{ 'limit_currency' if is_tested else 'cast(null as varchar)' }} as tested_currency_code,
        period_key * 64 + {{ reason }} as word_key
    from costs
    where {{ reason }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    terms.line_key,
    terms.order_key,
    terms.market,
    terms.month,
    terms.term,
    terms.amount,
    terms.currency_code,
    {{ in_usd(
        'terms.amount', 'terms.currency_code',
        'case when terms.foreign_currency is null then terms.order_usd_rate else rates.usd_per_unit end'
    ) }} as amount_usd,
    words.basis,
    words.rule_key,
    words.reason,
    terms.tested_amount,
    case when terms.tested_amount is not null then terms.tested_currency_code end as tested_currency_code,
    words.explanation
from terms
inner join words on terms.word_key = words.word_key
left join rates on terms.foreign_currency = rates.currency_code and terms.ordered_on = rates.valid_on
