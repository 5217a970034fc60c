with

line_documents as (

    select * from {{ ref('int_line_documents') }}

),

-- Nearly every line has one document of a kind: a running sum is computed only for the others.
quantified as (

    select
        line_key,
        order_key,
        market,
        month,
        event_name,
        event_at,
        quantity,
        quantity as cumulative_qty,
        complete_qty,
        document_feed,
        document_key,
        document_line_key
    from line_documents
    where not is_one_of_many
    union all
    select
        line_key,
        order_key,
        market,
        month,
        event_name,
        event_at,
        quantity,
        sum(quantity) over (
            partition by line_key, event_name order by event_at, document_key, document_line_key
            rows between unbounded preceding and current row
        ) as cumulative_qty,
        complete_qty,
        document_feed,
        document_key,
        document_line_key
    from line_documents
    where is_one_of_many

),

numbered as (

    select
        line_key,
        order_key,
        market,
        month,
        row_number() over (
            partition by line_key
            order by event_at, {{ event_position('event_name') }}, document_key, document_line_key
        ) as sequence_no,
        event_name,
        event_at,
        quantity,
        cumulative_qty,
        cumulative_qty >= complete_qty as is_complete,
        document_feed,
        document_key,
        document_line_key
    from quantified

)

select
    line_key || '-' || sequence_no as event_key,
    line_key,
    order_key,
    market,
    month,
    cast(sequence_no as integer) as sequence_no,
    event_name,
    event_at,
    quantity,
    cast(cumulative_qty as decimal(19, 4)) as cumulative_qty,
    is_complete,
    document_feed,
    document_key,
    document_line_key
from numbered
