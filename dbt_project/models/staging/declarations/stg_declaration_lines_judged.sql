with

raw_lines as (

    select * from {{ source('raw', 'declaration_lines') }}

),

raw_declarations as (

    select * from {{ source('raw', 'declarations') }}

),

{{ catalogue() }},

correlations as (

    select * from {{ ref('hs_correlation') }}

),

legal_units as (

    select * from {{ ref('hs_legal_unit') }}

),

withdrawn_codes as (

    select
        old_code,
        from_on,
        case when count(*) = 1 then min(new_code) end as only_successor,
        count(*) as successor_count
    from correlations
    group by old_code, from_on

),

with_plain_code as (

    select
        *,
        {{ plain_hs_code('hs_code') }} as plain_hs_code
    from raw_lines

),

-- Few lines have a withdrawn code, and only theirs need the day of the declaration.
withdrawn_lines as (

    select distinct with_plain_code._document_key
    from with_plain_code
    inner join withdrawn_codes on substr(with_plain_code.plain_hs_code, 1, 6) = withdrawn_codes.old_code

),

declaration_days as (

    select
        raw_declarations._document_key,
        max({{ to_timestamp('raw_declarations.declared_at') }}) as declared_at
    from raw_declarations
    inner join withdrawn_lines on raw_declarations._document_key = withdrawn_lines._document_key
    where raw_declarations._replayed_by is null
    group by raw_declarations._document_key

),

arrived as (

    select
        with_plain_code.*,
        legal_units.unit_code as tariff_unit_code,
        case when declaration_days.declared_at >= withdrawn_codes.from_on then withdrawn_codes.successor_count end
            as successor_count,
        case when declaration_days.declared_at >= withdrawn_codes.from_on then withdrawn_codes.only_successor end
            as only_successor,
        {{ to_decimal('with_plain_code.net_mass_kg') }} as net_mass_kg_stated,
        -- Of what the pieces weigh and cost by the catalogue; lines that are declared by weight have no pieces.
        case
            when with_plain_code.unit_code is null or with_plain_code.unit_code <> '035'
                then
                    cast({{ to_decimal('with_plain_code.net_mass_kg') }} as double)
                    / nullif(
                        cast({{ to_decimal('with_plain_code.quantity') }} as double) * catalogue.catalogue_weight_kg, 0
                    )
        end as weight_ratio,
        cast({{ to_decimal('with_plain_code.unit_price_amount') }} as double)
        / (catalogue.catalogue_price_usd * magnitudes.units_per_usd) as price_ratio
    from with_plain_code
    left join legal_units on substr(with_plain_code.plain_hs_code, 1, 4) = legal_units.heading
    left join withdrawn_codes on substr(with_plain_code.plain_hs_code, 1, 6) = withdrawn_codes.old_code
    left join declaration_days on with_plain_code._document_key = declaration_days._document_key
    left join catalogue
        on
            coalesce(with_plain_code._ids_of, with_plain_code._source_id) = catalogue.catalogue_source_id
            and with_plain_code.product_id = catalogue.catalogue_product_id
    left join magnitudes on with_plain_code.currency_code = magnitudes.code

),

{{ judged_feed('declaration_lines') }}
