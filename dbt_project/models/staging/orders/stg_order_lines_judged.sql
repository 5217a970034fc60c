with

raw_lines as (

    select * from {{ source('raw', 'order_lines') }}

),

{{ catalogue() }},

arrived as (

    select
        raw_lines.*,
        cast({{ to_decimal('raw_lines.unit_price_amount') }} as double)
        / (catalogue.catalogue_price_usd * magnitudes.units_per_usd) as price_ratio
    from raw_lines
    left join catalogue
        on
            coalesce(raw_lines._ids_of, raw_lines._source_id) = catalogue.catalogue_source_id
            and raw_lines.product_id = catalogue.catalogue_product_id
    left join magnitudes on raw_lines.currency_code = magnitudes.code

),

{{ judged_feed('order_lines') }}
