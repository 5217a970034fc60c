with

arrived as (

    select * from {{ source('raw', 'declarations') }}

),

typed as (

    select
        * exclude (declared_at),
        declared_at as declared_at_text,
        {{ to_timestamp('declared_at') }} as declared_at
    from arrived

),

ruled as (

    select
        *,
        {{ violated([
            ('declarations.declaration_no_missing', 'declaration_no is null'),
            ('declarations.market_unknown', "_market = 'ZZ'"),
            ('declarations.declared_at_missing', 'declared_at_text is null'),
            ('declarations.declared_at_unreadable', 'declared_at_text is not null and declared_at is null'),
            ('declarations.declared_at_implausible',
             "declared_at < timestamp '1990-01-01 00:00:00' or declared_at > _loaded_at + interval 1 day"),
            ('declarations.flow_unknown', "coalesce(flow, '') not in ('import', 'export')"),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('declarations', ['declared_at']) }} as payload
from stated
