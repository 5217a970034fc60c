{# What the match rules compare, for fct_match_result: an entry per rule, expressions over int_order_evidence. #}

{# A decimal without the zeros that its type adds. #}
{% macro plain_number(column) -%}
    rtrim(rtrim(cast({{ column }} as varchar), '0'), '.')
{%- endmacro %}

{% macro money_text(amount, currency_code='currency_code') -%}
    {{ plain_number(amount) }} || ' ' || {{ currency_code }}
{%- endmacro %}

{# All that is said of personal values: whether both sides state them, and whether they agree. #}
{% macro agreement(is_stated, is_equal) -%}
    case when not coalesce({{ is_stated }}, false) then 'missing' when {{ is_equal }} then 'equal' else 'different' end
{%- endmacro %}

{% macro minutes_between(earlier, later) -%}
    cast({{ seconds_between(earlier, later) }} as double) / 60
{%- endmacro %}

{#
    applies: whether the order has the rule at all (by default yes); waits: whether a side is still missing; refuses:
    whether customs said no. The other expressions are what the comparison of the rule asks for. `left` and `right` are
    the documents that the two values stand in.
#}
{% macro match_comparisons() -%}
    {%- set is_paid_for = 'coalesce(payable_amount, 1) > 0' -%}
    {%- set is_tied = '(declaration_count is null or declared_line_count > 0 or not has_shared_declaration)' -%}
    {%- set same_goods = '(other_product_count = 0 and stranger_count = 0)' -%}
    {%- set missing_lines = 'declared_line_count < due_line_count' -%}
    {%- set payer = {'waits': 'payment_count is null', 'left': 'order', 'right': 'payment'} -%}
    {%- set declared_buyer = {'waits': 'declaration_count is null', 'left': 'order', 'right': 'declaration'} -%}
    {{ return({
        'payment_present': {
            'left': 'order', 'right': 'payment', 'applies': is_paid_for, 'waits': 'payment_count is null',
            'left_value': 'order_no', 'right_value': 'payment_no'},
        'waybill_present': {
            'left': 'order', 'right': 'shipment', 'waits': 'shipment_count is null',
            'left_value': 'order_no', 'right_value': 'waybill_no'},
        'declaration_present': {
            'left': 'order', 'right': 'declaration', 'waits': 'declaration_count is null',
            'left_value': 'order_no', 'right_value': 'declaration_no'},
        'platform_code': {
            'left': 'order', 'right': 'declaration',
            'applies': 'platform_code is not null and declared_platform_code is not null',
            'left_value': 'platform_code', 'right_value': 'declared_platform_code', 'is_equal': 'is_platform_equal'},
        'merchant_code': {
            'left': 'order', 'right': 'declaration',
            'applies': 'merchant_uscc is not null and declared_merchant_uscc is not null',
            'left_value': 'merchant_uscc', 'right_value': 'declared_merchant_uscc', 'is_equal': 'is_merchant_equal'},
        'payment_amount': {
            'left': 'order', 'right': 'payment', 'applies': 'payable_amount > 0', 'waits': 'payment_count is null',
            'left_value': money_text('payable_amount'), 'right_value': money_text('paid_amount'),
            'difference': 'paid_amount - payable_amount', 'base': 'payable_amount',
            'is_excused': 'has_shared_payment and paid_amount >= payable_amount'},
        'payment_currency': {
            'left': 'order', 'right': 'payment', 'applies': is_paid_for, 'waits': 'payment_count is null',
            'left_value': 'currency_code',
            'right_value': 'case when paid_currency_code = currency_code'
                ~ ' then last_paid_currency_code else paid_currency_code end',
            'is_equal': 'paid_currency_code = currency_code and last_paid_currency_code = currency_code'},
        'payer_id': dict(payer, applies=is_paid_for,
            left_value=agreement('is_payer_id_stated', 'is_payer_id_equal'),
            right_value=agreement('is_payer_id_stated', 'is_payer_id_equal'),
            is_equal='is_payer_id_stated and is_payer_id_equal'),
        'payer_name': dict(payer, applies=is_paid_for,
            left_value=agreement('is_payer_name_stated', 'is_payer_name_equal'),
            right_value=agreement('is_payer_name_stated', 'is_payer_name_equal'),
            is_equal='is_payer_name_stated and is_payer_name_equal'),
        'declared_buyer_id': dict(declared_buyer,
            left_value=agreement('is_declared_id_stated', 'is_declared_id_equal'),
            right_value=agreement('is_declared_id_stated', 'is_declared_id_equal'),
            is_equal='is_declared_id_stated and is_declared_id_equal'),
        'declared_buyer_name': dict(declared_buyer,
            left_value=agreement('is_declared_name_stated', 'is_declared_name_equal'),
            right_value=agreement('is_declared_name_stated', 'is_declared_name_equal'),
            is_equal='is_declared_name_stated and is_declared_name_equal'),
        'seller': {
            'left': 'order', 'right': 'declaration', 'applies': 'named_seller_id is not null',
            'left_value': 'seller_id', 'right_value': 'named_seller_id', 'is_equal': 'named_seller_id = seller_id'},
        'consignee_name': {
            'left': 'order', 'right': 'shipment', 'applies': 'is_consignee_name_equal is not null',
            'left_value': agreement('true', 'is_consignee_name_equal'),
            'right_value': agreement('true', 'is_consignee_name_equal'), 'is_equal': 'is_consignee_name_equal'},
        'consignee_phone': {
            'left': 'order', 'right': 'shipment', 'applies': 'is_consignee_phone_equal is not null',
            'left_value': agreement('true', 'is_consignee_phone_equal'),
            'right_value': agreement('true', 'is_consignee_phone_equal'), 'is_equal': 'is_consignee_phone_equal'},
        'consignee_address': {
            'left': 'order', 'right': 'shipment', 'applies': 'is_consignee_address_equal is not null',
            'left_value': agreement('true', 'is_consignee_address_equal'),
            'right_value': agreement('true', 'is_consignee_address_equal'), 'is_equal': 'is_consignee_address_equal'},
        'consignee_is_payer': {
            'left': 'order', 'right': 'payment', 'applies': 'is_consignee_stated',
            'left_value': agreement('true', 'is_consignee_payer'),
            'right_value': agreement('true', 'is_consignee_payer'), 'is_equal': 'is_consignee_payer'},
        'goods_set': {
            'left': 'order', 'right': 'declaration', 'applies': is_tied,
            'waits': 'declaration_count is null or (' ~ missing_lines ~ ' and ' ~ same_goods ~ ')',
            'left_value': "cast(due_line_count as varchar) || ' lines'",
            'right_value': "cast(declared_line_count + stranger_count as varchar) || ' lines'"
                ~ " || case when other_product_count > 0 then ' of other goods' else '' end",
            'difference': 'declared_line_count + stranger_count - due_line_count', 'is_equal': same_goods},
        'goods_quantity': {
            'left': 'order', 'right': 'declaration', 'applies': is_tied,
            'waits': 'declaration_count is null or (over_declared_count = 0 and (' ~ missing_lines
                ~ ' or declared_line_count = 0) and not (is_listed and under_declared_count > 0))'
                ~ ' or (over_declared_count = 0 and under_declared_count > 0 and not is_listed)',
            'left_value': plain_number('to_declare_qty'), 'right_value': plain_number('declared_qty'),
            'difference': 'declared_qty - to_declare_qty',
            'is_equal': 'over_declared_count = 0 and under_declared_count = 0'},
        'goods_price': {
            'left': 'order', 'right': 'declaration',
            'applies': is_tied ~ ' and (price_amount is not null or coalesce(declared_line_count, 0) = 0)',
            'waits': 'declaration_count is null or price_amount is null',
            'left_value': money_text('price_amount'), 'right_value': money_text('declared_price_amount'),
            'difference': 'declared_price_amount - price_amount', 'base': 'price_amount'},
        'goods_value': {
            'left': 'order', 'right': 'declaration',
            'applies': is_tied ~ ' and (value_amount is not null or coalesce(declared_line_count, 0) = 0)',
            'waits': 'declaration_count is null or value_amount is null',
            'left_value': money_text('value_amount'), 'right_value': money_text('declared_amount'),
            'difference': 'declared_amount - value_amount', 'base': 'value_amount', 'parts': 'valued_line_count'},
        'shipped_quantity': {
            'left': 'order', 'right': 'shipment',
            'waits': 'shipment_count is null or (over_shipped_count = 0 and under_shipped_count > 0)',
            'left_value': plain_number('to_ship_qty'), 'right_value': plain_number('shipped_qty'),
            'difference': 'shipped_qty - to_ship_qty',
            'is_equal': 'over_shipped_count = 0 and under_shipped_count = 0'},
        'weight': {
            'left': 'shipment', 'right': 'declaration',
            'applies': 'waybill_weight_kg is not null and declared_mass_kg is not null',
            'left_value': plain_number('waybill_weight_kg') ~ " || ' kg'",
            'right_value': plain_number('declared_mass_kg') ~ " || ' kg'",
            'difference': 'declared_mass_kg - waybill_weight_kg', 'base': 'waybill_weight_kg'},
        'payment_after_order': {
            'left': 'order', 'right': 'payment', 'applies': is_paid_for, 'waits': 'payment_count is null',
            'left_value': 'cast(ordered_at as varchar)', 'right_value': 'cast(first_paid_at as varchar)',
            'difference': minutes_between('ordered_at', 'first_paid_at')},
        'shipment_after_payment': {
            'left': 'payment', 'right': 'shipment', 'applies': is_paid_for,
            'waits': 'paid_at is null or shipped_at is null',
            'left_value': 'cast(paid_at as varchar)', 'right_value': 'cast(shipped_at as varchar)',
            'difference': minutes_between('paid_at', 'shipped_at')},
        'departure_after_release': {
            'left': 'declaration', 'right': 'shipment', 'waits': 'released_at is null or departed_at is null',
            'left_value': 'cast(released_at as varchar)', 'right_value': 'cast(departed_at as varchar)',
            'difference': minutes_between('released_at', 'departed_at')},
        'sale_after_release': {
            'left': 'declaration', 'right': 'order', 'waits': 'first_released_at is null',
            'left_value': 'cast(first_released_at as varchar)', 'right_value': 'cast(ordered_at as varchar)',
            'difference': minutes_between('first_released_at', 'ordered_at')},
        'declared_waybill': {
            'left': 'shipment', 'right': 'declaration', 'applies': 'declared_waybill_nos is not null',
            'waits': 'shipment_count is null or (not is_declared_waybill_known and under_shipped_count > 0)',
            'left_value': sorted_names('case when is_declared_waybill_known'
                ~ ' then declared_waybill_nos else waybill_nos end'),
            'right_value': sorted_names('declared_waybill_nos'), 'is_equal': 'is_declared_waybill_known'},
        'mode_direction': {
            'left': 'order', 'right': 'declaration',
            'applies': 'declaration_count is null or declared_mode is not null', 'waits': 'declaration_count is null',
            'left_value': 'flow', 'right_value': 'declared_mode'},
        'transaction_limit': {
            'left': 'order', 'right': 'order',
            'applies': 'transaction_cny_amount is not null and transaction_limit is not null and not is_closed',
            'left_value': money_text('transaction_cny_amount', "'CNY'"),
            'right_value': money_text('transaction_limit', "'CNY'"),
            'difference': 'transaction_cny_amount - transaction_limit', 'is_excused': 'is_indivisible'},
        'composite_tax': {
            'left': 'order', 'right': 'declaration', 'applies': 'tax_amount is not null and ' ~ is_tied,
            'waits': 'composite_tax_amount is null',
            'left_value': money_text('tax_amount'), 'right_value': money_text('composite_tax_amount'),
            'difference': 'composite_tax_amount - tax_amount', 'base': 'tax_amount', 'parts': 'line_count'},
        'customs_status': {
            'left': 'order', 'right': 'declaration',
            'waits': "declaration_count is null or customs_status = 'in process'",
            'refuses': "customs_status in ('stopped', 'rejected')",
            'left_value': 'order_no', 'right_value': 'customs_status'},
        'staged_collection': {
            'left': 'payment', 'right': 'declaration', 'applies': 'payable_amount > 0',
            'waits': 'payment_count is null or not coalesce(is_concluded, false)',
            'refuses': "customs_status in ('stopped', 'rejected')",
            'left_value': money_text('paid_amount'),
            'right_value': "case when is_concluded then 'concluded' else customs_status end",
            'difference': 'paid_amount - payable_amount', 'base': 'payable_amount',
            'is_excused': 'has_shared_payment and paid_amount >= payable_amount'},
    }) }}
{%- endmacro %}

{# What an order's documents say about a rule before its tolerances are looked at. #}
{% macro match_finding(rule) -%}
    {%- set findings = {'refused': 'refuses', 'waiting': 'waits', 'equal': 'is_equal', 'excused': 'is_excused'} -%}
    case
        {%- for finding, expression in findings.items() if expression in rule %}
        when {{ rule[expression] }} then '{{ finding }}'
        {%- endfor %}
        when true then 'other'
    end
{%- endmacro %}

{# The verdict of a comparison; amounts are floating-point here, so half a millionth is no difference. #}
{% macro match_status() -%}
    case
        when finding = 'refused' then 'rejected'
        when finding = 'waiting' then 'waiting_document'
        when comparison in ('present', 'status') then 'matched'
        when comparison = 'equal' and finding = 'equal' then 'matched'
        when comparison = 'one_of' and contains(expected, right_value) then 'matched'
        when comparison = 'number' and abs(difference) <= rounding_amount * part_count + 0.0000005 then 'matched'
        when comparison = 'at_most' and difference <= 0.0000005 then 'matched'
        when comparison = 'time' and difference >= 0 then 'matched'
        when finding = 'excused' then 'matched_within_tolerance'
        when
            comparison = 'number'
            and abs(difference) <= greatest(tolerance_amount, tolerance_share * abs(base_number)) + 0.0000005
            then 'matched_within_tolerance'
        when comparison = 'time' and difference >= -tolerance_minutes then 'matched_within_tolerance'
        when is_over_tolerance_mismatch then 'mismatch'
        else 'matched_within_tolerance'
    end
{%- endmacro %}
