"""What money tells of a seller: payouts, rebates, advances and their instalments, disputes, claims, grades.

Belongs here: SQL over published tables, one row per seller and day. Does not: rates and their shrinking.
"""

# Credits of payouts that were due before the day; beside them what others had in the same market and quarter.
RECEIPTS = """
    with
    due as (
        select asked.as_of_on, seller_key, market, currency_code,
            date_diff('day', receipt_due_on, asked.as_of_on) // 91 as quarter,
            case when received_on < asked.as_of_on then received_on end as received_on,
            receipt_due_on, net_amount::double as net_amount
        from fct_payouts
        inner join credit_asked as asked
            on receipt_due_on < asked.as_of_on and receipt_due_on >= asked.as_of_on - {observation}
        where seller_key is not null and net_amount > 0
    ),
    cells as (
        select as_of_on, seller_key, market, currency_code, quarter, count(*) as n,
            count(*) filter (where coalesce(received_on, as_of_on) > receipt_due_on + 2) as late_k,
            count(*) filter (where receipt_due_on < as_of_on - 90) as absent_n,
            count(*) filter (
                where receipt_due_on < as_of_on - 90 and coalesce(received_on, as_of_on) > receipt_due_on + 90
            ) as absent_k,
            sum(greatest(coalesce(received_on, as_of_on) - receipt_due_on, 0)) as days_late,
            -- By currency: a sum over several would need a rate.
            sum(case when received_on is not null then net_amount end) / sum(net_amount) * count(*) as covered
        from due
        group by all
    ),
    expected as (
        select *, n * sum(late_k) over cell / sum(n) over cell as late_e,
            absent_n * sum(absent_k) over cell / nullif(sum(absent_n) over cell, 0) as absent_e
        from cells
        window cell as (partition by as_of_on, market, quarter)
    )
    select as_of_on, seller_key, sum(n) as receipt_late_n, sum(late_k) as receipt_late_k, sum(late_e) as receipt_late_e,
        sum(absent_n) as receipt_absent_n, sum(absent_k) as receipt_absent_k, sum(absent_e) as receipt_absent_e,
        sum(days_late) / sum(n) as receipt_days_late, sum(covered) / sum(n) as receipt_coverage
    from expected
    group by all
"""

# A claim that is not paid after 90 days is slow, whatever became of it later.
REBATES = """
    select asked.as_of_on, seller_key,
        count(*) filter (where claimed_at < asked.as_of_on - interval 90 day) as rebate_slow_n,
        count(*) filter (
            where claimed_at < asked.as_of_on - interval 90 day
            and date_diff('day', claimed_at::date, coalesce(paid_on, date '9999-01-01')) > 90
        ) as rebate_slow_k,
        avg(case when paid_on < asked.as_of_on then paid_on - claimed_at::date end) as rebate_days
    from fct_rebate_claims
    inner join credit_asked as asked
        on claimed_at < asked.as_of_on and claimed_at >= asked.as_of_on - interval ({observation}) day
    where seller_key is not null
    group by all
"""

# Instalments that were due before the day. A day of grace: a payment of the due day's night is booked a day later.
REPAYMENTS = """
    with
    due as (
        select asked.as_of_on, seller_key, due_on,
            case when paid_at < asked.as_of_on then paid_at::date end as paid_on
        from stg_repayments
        inner join credit_asked as asked on due_on < asked.as_of_on
        where seller_key is not null
    )
    select as_of_on, seller_key, count(*) as instalment_late_n,
        count(*) filter (where coalesce(paid_on, as_of_on) > due_on + 1) as instalment_late_k,
        count(*) filter (where paid_on is not null)::double as instalments_paid,
        max(greatest(coalesce(paid_on, as_of_on) - due_on - 1, 0)) filter (where due_on >= as_of_on - 365)::double
            as worst_days_late,
        coalesce(max(as_of_on - due_on) filter (where paid_on is null), 0)::double as days_past_due,
        min(as_of_on - due_on) filter (where coalesce(paid_on, as_of_on) > due_on + 1) / 30.4375
            as months_since_late
    from due
    group by all
"""

# Price beside that of all advances of the same year: what another lender saw in the seller when he priced it.
ADVANCES = """
    with
    priced as (
        select asked.as_of_on, seller_key, annual_rate_pct::double as rate, paid_out_at
        from stg_advances
        inner join credit_asked as asked on paid_out_at < asked.as_of_on
        where seller_key is not null
    ),
    beside as (
        select *, rate - avg(rate) over (partition by as_of_on, date_trunc('year', paid_out_at)) as excess
        from priced
    )
    select as_of_on, seller_key, count(*)::double as advance_count, count(excess)::double as excess_n,
        sum(excess) as excess_sum, sum(excess * excess) as excess_squares
    from beside
    group by all
"""

# Cases are few, so that they are held against all orders of the window and not against a market's.
CASES = """
    with
    disputes as (
        select asked.as_of_on, coalesce(cases.seller_key, orders.seller_key) as seller_key, count(*) as dispute_k,
            count(*) filter (where closed_at < asked.as_of_on and outcome_code is not null) as lost_n,
            count(*) filter (where closed_at < asked.as_of_on and outcome_code = 'buyer_won') as lost_k
        from stg_disputes as cases
        inner join credit_asked as asked
            on opened_at < asked.as_of_on and opened_at >= asked.as_of_on - interval ({observation}) day
        left join credit_order as orders on cases.order_key = orders.order_key
        group by all
    ),
    claims as (
        select asked.as_of_on, coalesce(cases.seller_key, orders.seller_key) as seller_key, count(*) as claim_k,
            count(*) filter (where paid_on < asked.as_of_on - 90) as unrecovered_n,
            count(*) filter (
                where paid_on < asked.as_of_on - 90
                and not coalesce(claim_status = 'recovered' and changed_at < asked.as_of_on, false)
            ) as unrecovered_k
        from stg_guarantee_claims as cases
        inner join credit_asked as asked
            on claimed_at < asked.as_of_on and claimed_at >= asked.as_of_on - interval ({observation}) day
        left join credit_order as orders on cases.order_key = orders.order_key
        group by all
    )
    select coalesce(disputes.as_of_on, claims.as_of_on) as as_of_on,
        coalesce(disputes.seller_key, claims.seller_key) as seller_key,
        coalesce(dispute_k, 0) as dispute_k, coalesce(lost_n, 0) as dispute_lost_n,
        coalesce(lost_k, 0) as dispute_lost_k, coalesce(claim_k, 0) as guarantee_claim_k,
        coalesce(unrecovered_n, 0) as unrecovered_n, coalesce(unrecovered_k, 0) as unrecovered_k
    from disputes
    full join claims on disputes.as_of_on = claims.as_of_on and disputes.seller_key = claims.seller_key
"""

# The register as it stood: grades of the newest version, and the tax grade's mean over the days of three years.
REGISTER = """
    with
    known as (
        select asked.as_of_on, sellers.*
        from stg_sellers as sellers
        inner join credit_asked as asked
            on sellers.valid_from < asked.as_of_on
            and coalesce(sellers.changed_at, sellers.valid_from::timestamp) < asked.as_of_on
        where seller_key is not null
    ),
    graded as (
        select as_of_on, seller_key, valid_from,
            case tax_grade when 'A' then 4 when 'B' then 3 when 'M' then 2 when 'C' then 1 when 'D' then 0 end as step,
            coalesce(lead(valid_from) over versions, as_of_on) as valid_to,
            step - lag(step) over versions as moved
        from known
        where tax_grade is not null
        window versions as (partition by as_of_on, seller_key order by valid_from, changed_at)
    ),
    grades as (
        select as_of_on, seller_key,
            sum(step * (valid_to - greatest(valid_from, as_of_on - 1095))::double)
                filter (where valid_to > as_of_on - 1095)
                / nullif(sum((valid_to - greatest(valid_from, as_of_on - 1095))::double)
                    filter (where valid_to > as_of_on - 1095), 0) as tax_grade_mean,
            first(step order by valid_from)::double as tax_grade_first,
            last(step order by valid_from)::double as tax_grade_last,
            count(*) filter (where moved > 0)::double as tax_grade_raised,
            count(*) filter (where moved < 0)::double as tax_grade_lowered
        from graded
        group by all
    )
    select known.as_of_on, known.seller_key, any_value(known.seller_id order by known.valid_from desc) as seller_id,
        max_by(known.tax_grade, known.valid_from) as tax_grade,
        max_by(known.customs_grade, known.valid_from) as customs_grade,
        max_by(known.fx_grade, known.valid_from) as fx_grade,
        (known.as_of_on - min(known.joined_on)) / 30.4375 as tenure_months,
        (known.as_of_on - min(known.founded_on)) / 365.25 as firm_years,
        any_value(grades.tax_grade_mean) as tax_grade_mean,
        any_value(grades.tax_grade_last - grades.tax_grade_first) as tax_grade_change,
        any_value(grades.tax_grade_first) as tax_grade_first, any_value(grades.tax_grade_last) as tax_grade_last,
        any_value(grades.tax_grade_raised) as tax_grade_raised,
        any_value(grades.tax_grade_lowered) as tax_grade_lowered
    from known
    left join grades on known.as_of_on = grades.as_of_on and known.seller_key = grades.seller_key
    group by known.as_of_on, known.seller_key
"""
