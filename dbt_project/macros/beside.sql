{# CTEs with which staging holds a row against what is known of its goods. #}

{#
    The CTE `catalogue`: per product of a source its latest entry, with the price in dollars of about their worth. It is
    joined by the plain number, since a surrogate key of each line would cost more than the look-up.
#}
{% macro catalogue() -%}
    magnitudes as (

        select * from {{ ref('currency_magnitude') }}

    ),

    products as (

        select * from {{ with_published('stg_products') }}

    ),

    latest_products as (

        select
            source_id,
            product_id,
            unit_weight_kg,
            list_price_amount,
            price_currency_code
        from products
        qualify
            row_number() over (partition by source_id, product_id order by valid_from desc, product_version_key desc) = 1

    ),

    catalogue as (

        select
            latest_products.source_id as catalogue_source_id,
            latest_products.product_id as catalogue_product_id,
            cast(latest_products.unit_weight_kg as double) as catalogue_weight_kg,
            nullif(cast(latest_products.list_price_amount as double), 0) / magnitudes.units_per_usd
                as catalogue_price_usd
        from latest_products
        left join magnitudes on latest_products.price_currency_code = magnitudes.code

    )
{%- endmacro %}

{# A code without the dots and spaces that people put into it, and with the leading zero that spreadsheets take. #}
{% macro plain_hs_code(column) -%}
    case when length(replace(replace({{ column }}, '.', ''), ' ', '')) in (5, 7, 9) then '0' else '' end
    || replace(replace({{ column }}, '.', ''), ' ', '')
{%- endmacro %}

{# The age of the bearer of a resident id (GB 11643) at a canonical moment; null for an id of another form. #}
{% macro age_by_resident_id(number, moment) -%}
    floor(
        (
            try_cast(replace(substr({{ moment }}, 1, 10), '-', '') as integer)
            - try_cast(substr({{ number }}, 7, 8) as integer)
        ) / 10000.0
    )
{%- endmacro %}
