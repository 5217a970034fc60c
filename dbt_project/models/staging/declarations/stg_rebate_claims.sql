{{ staged_feed('rebate_claims') }}
