{#
    Declared value of an order's goods = what the seller received + fees, tax, refunds and reserves that were netted
    - freight and tax that the buyer paid, less his discount + what is not yet received + the difference of exchange
    + what nothing explains. An order on several declarations is shared by their declared values. Net amounts of
    payouts that owe nothing count as received: they are set off against other money of the seller.
#}
{%- set terms = [
    'received_amount', 'fee_amount', 'tax_withheld_amount', 'refund_amount', 'adjustment_amount',
    'other_than_goods_amount', 'not_yet_received_amount',
] %}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

order_lines as (

    select * from {{ ref('int_ledger_lines') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

payments as (

    select * from {{ with_published('stg_payments') }}

),

order_payouts as (

    select * from {{ ref('int_order_payouts') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

receipt_terms as (

    select * from {{ ref('receipt_term') }}

),

report_terms as (

    select
        max(case when term_id = 'deferred_receipt' then days end) as deferred_days,
        max(case when term_id = 'report' then days end) as report_days
    from receipt_terms

),

declared as (

    select
        documents.order_key,
        declarations.declaration_key,
        declarations.declaration_no,
        declarations.document_kind,
        declarations.supervision_mode,
        declarations.flow,
        declarations.declared_at,
        declarations.declared_on,
        declarations.order_key as first_order_key
    from documents
    inner join declarations on documents.document_key = declarations.declaration_key
    where
        documents.feed = 'declarations'
        and coalesce(declarations.document_kind, '') <> 'summary'

),

-- A line that names no order line is the first order's.
declared_values as (

    select
        declared.declaration_key,
        declared.order_key,
        sum(declaration_lines.line_value_amount) as declared_amount,
        max(declaration_lines.currency_code) as currency_code
    from declared
    inner join declaration_lines on declared.declaration_key = declaration_lines.declaration_key
    left join order_lines on declaration_lines.order_line_key = order_lines.line_key
    where
        order_lines.order_key = declared.order_key
        or (declaration_lines.order_line_key is null and declared.first_order_key = declared.order_key)
    group by declared.declaration_key, declared.order_key

),

declared_orders as (

    select
        order_key,
        sum(declared_amount) as declared_amount
    from declared_values
    group by order_key

),

-- Refunds that no report nets, because the order was never settled.
refunded as (

    select
        documents.order_key,
        -sum(payments.amount) as refund_amount
    from documents
    inner join payments on documents.document_key = payments.payment_key
    where documents.feed = 'payments' and payments.payment_type <> 'payment'
    group by documents.order_key

),

settled as (

    select
        order_key,
        sum(gross_amount) as gross_amount,
        sum(case when payout_status = 'waiting_receipt' then 0 else net_amount end) as received_amount,
        sum(case when payout_status = 'waiting_receipt' then net_amount else 0 end) as waiting_amount,
        -sum(fee_amount) as fee_amount,
        -sum(tax_amount) as tax_withheld_amount,
        -sum(refund_amount) as refund_amount,
        -sum(adjustment_amount) as adjustment_amount,
        max(case when payout_status = 'waiting_receipt' then receipt_due_on end) as receipt_due_on
    from order_payouts
    group by order_key

),

order_terms as (

    select
        orders.order_key,
        orders.currency_code,
        orders.ordered_on,
        coalesce(settled.received_amount, 0) as received_amount,
        coalesce(settled.fee_amount, 0) as fee_amount,
        coalesce(settled.tax_withheld_amount, 0) as tax_withheld_amount,
        coalesce(settled.adjustment_amount, 0) as adjustment_amount,
        -(coalesce(orders.freight_amount, 0) + coalesce(orders.tax_amount, 0) - coalesce(orders.discount_amount, 0))
            as other_than_goods_amount,
        case
            when settled.gross_amount > 0 then settled.refund_amount
            else coalesce(settled.refund_amount, refunded.refund_amount, 0)
        end as refund_amount,
        case
            when settled.gross_amount > 0 then settled.waiting_amount
            else
                orders.payable_amount + coalesce(settled.waiting_amount, 0)
                - coalesce(case when settled.order_key is null then refunded.refund_amount end, 0)
        end as not_yet_received_amount,
        settled.receipt_due_on
    from orders
    inner join declared_orders on orders.order_key = declared_orders.order_key
    left join settled on orders.order_key = settled.order_key
    left join refunded on orders.order_key = refunded.order_key

),

shared as (

    select
        declared_values.declaration_key,
        declared_values.order_key,
        declared_values.declared_amount,
        declared_values.currency_code,
        order_terms.currency_code as order_currency_code,
        order_terms.ordered_on,
        order_terms.receipt_due_on,
        case
            when declared_orders.declared_amount = declared_values.declared_amount then 1
            else
                cast(declared_values.declared_amount as double)
                / nullif(cast(declared_orders.declared_amount as double), 0)
        end as declared_share,
        order_terms.received_amount,
        order_terms.fee_amount,
        order_terms.tax_withheld_amount,
        order_terms.refund_amount,
        order_terms.adjustment_amount,
        order_terms.other_than_goods_amount,
        order_terms.not_yet_received_amount
    from declared_values
    inner join declared_orders on declared_values.order_key = declared_orders.order_key
    inner join order_terms on declared_values.order_key = order_terms.order_key

),

rated as (

    select
        shared.*,
        declared.declaration_no,
        declared.document_kind,
        declared.supervision_mode,
        declared.flow,
        declared.declared_at,
        declared.declared_on,
        case
            when shared.currency_code = shared.order_currency_code then 1
            else ordering.usd_per_unit / ordered_in.usd_per_unit
        end as rate_ordered,
        case
            when shared.currency_code = shared.order_currency_code then 1
            else declaring.usd_per_unit / declared_in.usd_per_unit
        end as rate_declared,
        declared_in.usd_per_unit as usd_per_declared_unit
    from shared
    inner join declared
        on shared.declaration_key = declared.declaration_key and shared.order_key = declared.order_key
    left join rates as ordering
        on shared.order_currency_code = ordering.currency_code and shared.ordered_on = ordering.valid_on
    left join rates as ordered_in
        on shared.currency_code = ordered_in.currency_code and shared.ordered_on = ordered_in.valid_on
    left join rates as declaring
        on shared.order_currency_code = declaring.currency_code and declared.declared_on = declaring.valid_on
    left join rates as declared_in
        on shared.currency_code = declared_in.currency_code and declared.declared_on = declared_in.valid_on

),

termed as (

    select
        * exclude ({{ terms | join(', ') }}),
        {%- for term in terms %}
        case
            when declared_share = 1 and rate_ordered = 1 then {{ term }}
            else cast(round(cast({{ term }} as double) * declared_share * rate_ordered, 2) as decimal(19, 4))
        end as {{ term }},
        {%- endfor %}
        case
            when rate_ordered = 1 and rate_declared = 1 then 0
            else
                cast(
                    round(
                        cast({{ terms | join(' + ') }} as double) * declared_share * (rate_declared - rate_ordered), 2
                    ) as decimal(19, 4)
                )
        end as fx_difference_amount
    from rated

),

explained as (

    select
        *,
        declared_amount - ({{ terms | join(' + ') }} + fx_difference_amount) as unexplained_amount
    from termed

)

select
    explained.declaration_key,
    explained.order_key,
    orders.market,
    orders.month,
    explained.declaration_no,
    explained.document_kind,
    explained.supervision_mode,
    explained.flow,
    explained.declared_at,
    explained.declared_on,
    cast(explained.declared_share as double) as declared_share,
    cast(explained.declared_amount as decimal(19, 4)) as declared_amount,
    explained.currency_code,
    {%- for term in terms %}
    cast(explained.{{ term }} as decimal(19, 4)) as {{ term }},
    {%- endfor %}
    cast(explained.fx_difference_amount as decimal(19, 4)) as fx_difference_amount,
    cast(explained.unexplained_amount as decimal(19, 4)) as unexplained_amount,
    cast(
        {{ in_usd('explained.unexplained_amount', 'explained.currency_code', 'explained.usd_per_declared_unit') }}
        as decimal(19, 4)
    ) as unexplained_amount_usd,
    case
        when explained.not_yet_received_amount = 0 then null
        else
            coalesce(
                explained.receipt_due_on, {{ add_days('explained.declared_on', 'report_terms.deferred_days') }}
            )
    end as receipt_due_on,
    case
        when explained.flow = 'export'
            then {{ add_days('explained.declared_on', 'report_terms.deferred_days + report_terms.report_days') }}
    end as report_due_on
from explained
inner join orders on explained.order_key = orders.order_key
cross join report_terms
