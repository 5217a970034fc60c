with

raw_advances as (

    select * from {{ source('raw', 'advances') }}

),

latest_advances as (

    select
        _record_key,
        _source_id,
        advance_no,
        pledged_declaration_no,
        pledged_line_no,
        {{ to_timestamp('paid_out_at') }} as paid_out_at
    from raw_advances
    where
        pledged_declaration_no is not null
        and _record_key is not null
        and _replayed_by is null
        and {{ to_timestamp('paid_out_at') }} is not null
    qualify
        row_number() over (partition by _record_key order by _version desc, _event_at desc, _content_hash desc) = 1

),

-- Whichever lender was first has the pledge.
pledges as (

    select
        _record_key,
        row_number() over (
            partition by pledged_declaration_no, pledged_line_no
            order by paid_out_at, advance_no, _source_id
        ) as pledge_rank
    from latest_advances

),

arrived as (

    select
        raw_advances.*,
        pledges.pledge_rank
    from raw_advances
    left join pledges on raw_advances._record_key = pledges._record_key

),

{{ judged_feed('advances') }}
