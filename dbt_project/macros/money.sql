{# Words and keys of money that several models share. #}

{# The payout that a line of a settlement report belongs to. #}
{% macro settlement_payout_key(lines) -%}
    {{ surrogate_key([
        lines ~ '.source_id', lines ~ '.settlement_no', lines ~ '.market', lines ~ '.month', lines ~ '.currency_code'
    ]) }}
{%- endmacro %}

{# What a leg of a settlement is in the sum of its payout. #}
{% macro payout_part(leg_type) -%}
    case
        when {{ leg_type }} in ('commission_fee', 'logistics_fee', 'payment_fee', 'storage_fee', 'advertising_fee')
            then 'fee'
        when {{ leg_type }} in ('refund', 'chargeback') then 'refund'
        when {{ leg_type }} in ('reserve', 'adjustment') then 'adjustment'
        else {{ leg_type }}
    end
{%- endmacro %}

{# The CTE `first_of_several`, from the CTE `homes`: of each document of several orders the order that it stands with. #}
{% macro first_of_several() -%}
    several as (

        select document_key
        from homes
        group by document_key
        having count(*) > 1

    ),

    first_of_several as (

        select
            homes.document_key,
            min_by(homes.order_key, homes.month || homes.market || homes.order_key) as order_key
        from homes
        inner join several on homes.document_key = several.document_key
        group by homes.document_key

    )
{%- endmacro %}
