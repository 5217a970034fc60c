{# The ninth invariant stands where its rows are staged, which need not be the months of their orders. #}
with

invariants as (

    select * from {{ ref('invariant') }}
    where invariant_id = 'rows_are_in_one_state'

),

raw_rows as (

    select * from {{ ref('stg_run_raw_rows') }}

),

states as (

    select * from {{ ref('row_balance') }}

),

per_file as (

    select
        feed,
        _file,
        _batch_id,
        market,
        month,
        sum(row_count) as row_count
    from states
    group by feed, _file, _batch_id, market, month

),

findings as (

    select
        raw_rows.market,
        raw_rows.month,
        cast(raw_rows.loaded_at as date) as day,
        raw_rows._file,
        coalesce(per_file.row_count, 0) as left_amount,
        raw_rows.row_count as right_amount,
        coalesce(per_file.row_count, 0) - raw_rows.row_count as difference
    from raw_rows
    left join per_file
        on
            raw_rows.feed = per_file.feed
            and raw_rows._file = per_file._file
            and raw_rows._batch_id = per_file._batch_id
            and raw_rows.market = per_file.market
            and raw_rows.month = per_file.month

)

select
    findings.market,
    findings.month,
    findings.day,
    invariants.invariant_id,
    'rows' as unit,
    {{ invariant_sums('findings._file') }}
from findings
cross join invariants
group by
    findings.market,
    findings.month,
    findings.day,
    invariants.invariant_id,
    invariants.severity,
    invariants.tolerance
