with

{% for feed in feeds_with_market() -%}
{{ feed }} as (

    select * from {{ source('raw', feed) }}

),

{% endfor -%}
every_feed as (

    {% for feed in feeds_with_market() -%}
    select
        '{{ feed }}' as feed,
        _file,
        _batch_id,
        _market as market,
        _month as month,
        _loaded_at
    from {{ feed }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    feed,
    _file,
    _batch_id,
    market,
    month,
    min(_loaded_at) as loaded_at,
    count(*) as row_count
from every_feed
group by feed, _file, _batch_id, market, month
