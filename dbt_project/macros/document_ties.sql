{#
    What is tied to an order, per feed: the document's key, number and moment, and the feed of what stands below it
    (lines, events, receipts). The trace reads the same feeds (orchestration/trace/feeds.py); a test compares the two.
#}
{% macro tied_feeds() -%}
    {{ return([
        {'feed': 'payments', 'key': 'payment_key', 'number': 'payment_no', 'at': 'paid_at', 'parts': []},
        {'feed': 'shipments', 'key': 'shipment_key', 'number': 'waybill_no', 'at': 'shipped_at',
            'parts': ['shipment_lines', 'tracking_events']},
        {'feed': 'declarations', 'key': 'declaration_key', 'number': 'declaration_no', 'at': 'declared_at',
            'parts': ['declaration_lines', 'declaration_receipts']},
        {'feed': 'settlements', 'key': 'settlement_line_key', 'number': 'settlement_no', 'at': 'settled_at',
            'parts': []},
        {'feed': 'rebate_claims', 'key': 'claim_row_key', 'number': 'claim_key', 'at': 'claimed_at', 'parts': []},
        {'feed': 'returns', 'key': 'return_line_key', 'number': 'return_no', 'at': 'returned_at', 'parts': []},
        {'feed': 'disputes', 'key': 'case_key', 'number': 'case_no', 'at': 'opened_at', 'parts': []},
        {'feed': 'guarantee_claims', 'key': 'guarantee_claim_key', 'number': 'claim_no', 'at': 'claimed_at',
            'parts': []},
    ]) }}
{%- endmacro %}
