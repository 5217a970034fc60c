{{ staged_feed('credit_decisions') }}
