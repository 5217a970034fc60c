{# 1.02E+09 and 610910.0: a code that went through a number, so that zeros at its end may be gone. #}
{% set is_number = matches('hs_code', '[0-9][eE][+]?[0-9]|^[0-9]{4,}[.][0-9]$') %}
with

arrived as (

    select * from {{ source('raw', 'declaration_lines') }}

),

-- A line without its header cannot be placed or dated: it follows the header into quarantine, and out of it again.
refused_headers as (

    select _document_key
    from {{ ref('stg_declarations_judged') }}
    group by _document_key
    having count(case when state in ('accepted', 'repaired') then 1 end) = 0

),

currencies as (

    select * from {{ ref('currency') }}

),

countries as (

    select * from {{ ref('iso_country') }}

),

-- Dots and spaces are punctuation; a spreadsheet that took the code for a number dropped its leading zero.
bare_code as (

    select
        *,
        {{ replace_all('hs_code', '[. ]', '') }} as bare_hs_code
    from arrived

),

whole_code as (

    select
        *,
        case
            when {{ matches('bare_hs_code', '^[1-9][0-9]{4}([0-9]{2})?([0-9]{2})?$') }} then '0' || bare_hs_code
            else bare_hs_code
        end as whole_hs_code
    from bare_code

),

typed as (

    select
        whole_code.* exclude (
            net_mass_kg, gross_mass_kg, quantity, line_value_amount, duty_rate_pct
        ),
        whole_code.net_mass_kg as net_mass_kg_text,
        whole_code.gross_mass_kg as gross_mass_kg_text,
        whole_code.quantity as quantity_text,
        whole_code.line_value_amount as line_value_amount_text,
        whole_code.duty_rate_pct as duty_rate_pct_text,
        {{ to_decimal('whole_code.net_mass_kg') }} as net_mass_kg,
        {{ to_decimal('whole_code.gross_mass_kg') }} as gross_mass_kg,
        {{ to_decimal('whole_code.quantity') }} as quantity,
        {{ to_decimal('whole_code.line_value_amount') }} as line_value_amount,
        {{ to_decimal('whole_code.duty_rate_pct') }} as duty_rate_pct,
        currencies.code as known_currency_code,
        refused_headers._document_key as refused_document_key,
        countries.code as known_origin_country
    from whole_code
    left join currencies on whole_code.currency_code = currencies.code
    left join refused_headers on whole_code._document_key = refused_headers._document_key
    left join countries on whole_code.origin_country = countries.code

),

ruled as (

    select
        *,
        {{ violated([
            ('declaration_lines.declaration_no_missing', 'declaration_no is null'),
            ('declaration_lines.line_no_missing', 'line_no is null'),
            ('declaration_lines.market_unknown', "_market = 'ZZ'"),
            ('declaration_lines.hs_code_missing', 'hs_code is null'),
            ('declaration_lines.hs_code_scientific', is_number),
            ('declaration_lines.hs_code_malformed',
             'not (' ~ is_number ~ ') and not '
             ~ matches('whole_hs_code', '^(0[1-9]|[1-9][0-9])[0-9]{4}([0-9]{2}){0,2}$')),
            ('declaration_lines.hs_chapter_unknown',
             "substr(whole_hs_code, 1, 2) in ('77', '98', '99') and not (" ~ is_number ~ ')'),
            ('declaration_lines.net_mass_unreadable', 'net_mass_kg_text is not null and net_mass_kg is null'),
            ('declaration_lines.net_mass_not_positive', 'net_mass_kg <= 0'),
            ('declaration_lines.gross_below_net', 'gross_mass_kg < net_mass_kg'),
            ('declaration_lines.value_unreadable', 'line_value_amount_text is not null and line_value_amount is null'),
            ('declaration_lines.value_negative', 'line_value_amount < 0'),
            ('declaration_lines.quantity_unreadable', 'quantity_text is not null and quantity is null'),
            ('declaration_lines.duty_rate_unreadable', 'duty_rate_pct_text is not null and duty_rate_pct is null'),
            ('declaration_lines.currency_unknown', 'currency_code is not null and known_currency_code is null'),
            ('declaration_lines.header_quarantined', 'refused_document_key is not null'),
        ]) }} as rules,
        {{ repaired([
            ('hs_code:declaration_lines.hs_punctuation', 'bare_hs_code <> hs_code'),
            ('hs_code:declaration_lines.hs_leading_zero', 'whole_hs_code <> bare_hs_code'),
        ]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('declaration_lines', [
        'net_mass_kg', 'gross_mass_kg', 'quantity', 'line_value_amount', 'duty_rate_pct',
    ]) }} as payload
from stated
