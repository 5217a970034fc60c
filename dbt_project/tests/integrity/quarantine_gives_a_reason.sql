-- One row per quarantined row whose rule is not in the table of rules: nobody could say why it was refused.
select
    quarantine_key,
    rule_ids
from {{ ref('quarantine') }}
where reason is null
