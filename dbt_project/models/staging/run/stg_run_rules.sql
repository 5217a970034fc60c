select
    rule_id,
    feed,
    field,
    severity,
    treatment,
    words,
    source
from {{ source('plan', 'rules') }}
