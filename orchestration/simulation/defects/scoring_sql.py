"""The statements of the scorecard, over the tables that `scoring.py` loads: truth, judged, catalogue, files, values.

Belongs here: SQL. Does not: what the columns mean (see `scoring.py`).
"""

# What follows from another record's defect is no alarm of its own, nor that a line without header has no market.
COLLATERAL = "header_quarantined|header_deleted"

# One row per main truth row: whether it was caught, whether treated right, and what was seen instead. The records that
# a defect shows by are those of its scored key; records whose key is lost cannot be told apart and are counted off.
MATCHED = """
create table matched as
with

main as (

    select truth.*, catalogue.rules as wanted, catalogue.states, catalogue.is_refused, catalogue.may_be_plain,
        catalogue.level,
        row_number() over (
            partition by truth.defect_id, truth.source_id, truth.scored_feed, truth.scored_key order by truth_no
        ) as nth
    from truth
    join catalogue using (defect_id)
    where truth.role = 'main' and catalogue.visibility = 'certain'

),

seen as (

    select
        main.truth_no,
        count(judged.key) as rows_seen,
        count(*) filter (where list_has_any(judged.flags, main.wanted)) as rows_noticed,
        count(*) filter (where list_contains(main.states, judged.state)) as rows_stated,
        count(*) filter (
            where list_contains(main.states, judged.state) and list_has_any(judged.flags, main.wanted)
        ) as rows_right,
        string_agg(distinct judged.state, ', ' order by judged.state) as states_seen,
        string_agg(distinct array_to_string(judged.flags, ', '), '; ') as flags_seen
    from main
    left join judged
        on judged.feed = main.scored_feed
        and judged.source_id = main.source_id
        and judged.key = main.scored_key
    where main.level <> 'file'
    group by main.truth_no

),

files_seen as (

    select
        main.truth_no,
        bool_or(given.status = 'rejected') as is_rejected,
        bool_or(given.status = 'rejected' and list_contains(main.wanted, given.rule)) as is_noticed,
        count(given.file) as files_found,
        string_agg(given.rule, ', ') as rules_seen
    from main
    left join files_given as given on given.file = main.key_after
    where main.level = 'file'
    group by main.truth_no

),

wrong_values as (

    select distinct main.truth_no
    from main
    join values_given as given
        on given.feed = main.feed and given.source_id = main.source_id
        and given.key = main.key_after and given.field = main.field
    where main.treatment = 'repaired'
        and coalesce(try_cast(given.value as double) <> try_cast(main.clean_value as double), true)
        and given.value is distinct from main.clean_value

)

select
    main.*,
    case
        when main.level = 'file' and main.is_refused then coalesce(files_seen.is_noticed, false)
        when main.level = 'file' then files_seen.files_found > 0 and not files_seen.is_rejected
        -- Being accepted is all that is wanted, or as good as being noticed.
        when len(main.wanted) = 0 then seen.rows_stated > 0
        when main.scored_key = '' then seen.rows_noticed >= main.nth
        when main.may_be_plain then seen.rows_noticed > 0 or seen.rows_stated > 0
        else seen.rows_noticed > 0
    end as is_caught,
    case
        when main.level = 'file' then is_caught
        when len(main.wanted) = 0 or main.may_be_plain then is_caught and seen.rows_stated > 0
        when main.scored_key = '' then seen.rows_right >= main.nth
        else seen.rows_right > 0
    end and wrong_values.truth_no is null as is_right,
    case
        when main.level = 'file' and files_seen.files_found = 0 then 'the file is not among the deliveries'
        when main.level = 'file' then 'the file was taken or refused by ' || coalesce(files_seen.rules_seen, 'no rule')
        when seen.rows_seen = 0 then 'no record of this key was judged'
        when wrong_values.truth_no is not null then 'repaired to another value than the clean one'
        else 'judged ' || seen.states_seen || case
            when coalesce(seen.flags_seen, '') = '' then ' without any rule' else ' by ' || seen.flags_seen
        end
    end as reason
from main
left join seen using (truth_no)
left join files_seen using (truth_no)
left join wrong_values using (truth_no)
"""

# Records that no defect touched, neither themselves nor with another record, nor through an extra file. A record that
# a newer version of itself replaced is how trade goes, and so is a line whose header is in quarantine.
CLEAN = f"""
create table clean as
with

dirty_keys as (

    select feed, source_id, key_before as key from truth
    union
    select feed, source_id, key_after from truth

),

-- A lost record shows by another one.
shown_by as (

    select distinct scored_feed, scored_key from truth where scored_feed <> feed or scored_key <> key_after

),

hidden_rules as (

    select coalesce(flatten(list(rules)), []) as hidden from catalogue
    where visibility = 'statistical' or level = 'natural'

),

newest as (

    select feed, source_id, key, max(version) as version
    from judged
    where state <> 'quarantined'
    group by feed, source_id, key

)

select
    judged.feed,
    judged.source_id,
    judged.key,
    judged.state,
    (judged.feed, judged.source_id, judged.key) in (select (feed, source_id, key) from dirty_keys)
    or (judged.feed, judged.key) in (select (scored_feed, scored_key) from shown_by)
    or judged.file in (select key_after from truth where feed = '') as is_dirty,
    list_filter(
        judged.flags,
        lambda flag: not regexp_matches(flag, '{COLLATERAL}')
        and not (
            contains(flag, 'market_unknown')
            and len(list_filter(judged.flags, lambda other: contains(other, 'header_quarantined'))) > 0
        )
        and not (flag = 'row.duplicate' and coalesce(newest.version > judged.version, false))
    ) as own_flags,
    len(list_filter(own_flags, lambda flag: not list_contains(hidden, flag))) > 0
        as is_flagged
from judged
cross join hidden_rules
left join newest
    on judged.state = 'superseded'
    and newest.feed = judged.feed and newest.source_id = judged.source_id and newest.key = judged.key
"""

BY_DEFECT = """
with

found as (

    select defect_id, count(*) as injected, count(*) filter (where is_caught) as caught,
        count(*) filter (where is_right) as treated_right
    from matched
    group by defect_id

),

hidden as (

    select defect_id, count(*) as injected
    from truth
    where role = 'main' and visibility <> 'certain'
    group by defect_id

),

records as (

    select feed, sum(records)::bigint as clean_records
    from (
        select feed, count(*) filter (where not is_dirty) as records from clean group by feed
        union all
        select feed, records from plain_given
    ) as counted
    group by feed

),

alarms as (

    select catalogue.defect_id, count(*) as false_alarms
    from clean
    join catalogue on catalogue.feed = clean.feed and list_has_any(clean.own_flags, catalogue.rules)
    where not clean.is_dirty and catalogue.level <> 'natural'
    group by catalogue.defect_id

)

select
    catalogue.defect_id,
    catalogue.number,
    catalogue.visibility,
    catalogue.treatment,
    cast(coalesce(found.injected, hidden.injected, 0) as bigint) as injected,
    found.caught,
    found.treated_right,
    found.caught / found.injected as recall,
    case when len(catalogue.rules) > 0 and catalogue.feed <> '' then coalesce(alarms.false_alarms, 0) end
        as false_alarms,
    case
        when len(catalogue.rules) > 0 and records.clean_records > 0
            then coalesce(alarms.false_alarms, 0) * 10000 / records.clean_records
    end as false_alarms_per_10k
from catalogue
left join found using (defect_id)
left join hidden using (defect_id)
left join alarms using (defect_id)
left join records on records.feed = catalogue.feed
order by catalogue.number, catalogue.defect_id
"""

BY_FEED = """
with

records as (

    select
        feed,
        sum(records)::bigint as records,
        sum(dirty)::bigint as dirty,
        sum(flagged)::bigint as flagged,
        sum(flagged_dirty)::bigint as flagged_dirty
    from (
        select
            feed,
            count(*) as records,
            count(*) filter (where is_dirty) as dirty,
            count(*) filter (where is_flagged) as flagged,
            count(*) filter (where is_flagged and is_dirty) as flagged_dirty
        from clean
        group by feed
        union all
        select feed, records, 0 as dirty, 0 as flagged, 0 as flagged_dirty from plain_given
    ) as counted
    group by feed

),

found as (

    select feed, count(*) as injected, count(*) filter (where is_caught) as caught
    from matched
    where level <> 'file'
    group by feed

)

select
    records.feed,
    records.records,
    records.dirty,
    coalesce(found.injected, 0) as injected,
    coalesce(found.caught, 0) as caught,
    found.caught / found.injected as recall,
    records.flagged,
    records.flagged_dirty,
    records.flagged_dirty / nullif(records.flagged, 0) as precision
from records
left join found using (feed)
order by records.feed
"""

MISSED = """
select defect_id, source_id, feed, scored_key as key, reason
from matched
where not coalesce(is_caught and is_right, false)
order by defect_id, source_id, feed, scored_key
"""
